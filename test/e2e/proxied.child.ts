import { get } from "node:http";
import { createHttp } from "../../src/node/dialer/dialer.ts";
import { reaching } from "../support/reach.ts";

/* Run as a process of its own, whose environment names a proxy: says what came of requests that know nothing of it. */
const host = process.argv[2];
const http = createHttp({ ...reaching(["127.0.0.0/8"]), connectDeadlineMs: 5000 });
const sent: string[] = [];
for (const scheme of ["http", "https"])
	for (const reach of ["public", "operator"] as const) {
		const answer = await http({
			method: "POST",
			url: `${scheme}://${host}/`,
			headers: {},
			body: "{}",
			deadlineMs: 5000,
			keepBytes: 100,
			reach,
		});
		sent.push(answer.kind === "response" ? String(answer.status) : answer.reason);
	}
await http.close();
const control = await new Promise((resolve) => {
	get("http://192.0.2.1/", (answer) => resolve(answer.resume().statusCode)).on("error", (e) => resolve(e.message));
});
console.log(JSON.stringify({ sent, control }));
