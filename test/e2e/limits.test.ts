import { connect } from "node:net";
import { expect, it } from "vitest";
import { API_KEY } from "../support/launch.ts";
import { service } from "../support/process.ts";

const MAX = 65_536;
const CHUNK = "x".repeat(4096);

/** Sends a request head and then chunks without end, until it is answered or cut off. */
async function endless(port: number, path: string, key: string) {
	const socket = connect(port, "127.0.0.1");
	let [answer, sent, closed] = ["", 0, false];
	const over = new Promise<void>((resolve) => {
		socket.on("close", () => {
			closed = true;
			resolve();
		});
		socket.on("error", () => {}); // a reset is a way of being cut off
		socket.on("data", (data) => {
			answer += data.toString();
		});
	});
	socket.write(
		`POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nX-DeAPI-Signature: sha256=${"0".repeat(64)}\r\nX-DeAPI-Timestamp: ${Math.floor(Date.now() / 1000)}\r\nTransfer-Encoding: chunked\r\n\r\n`,
	);
	while (!closed && answer === "" && sent < 1000 * MAX) {
		const room = socket.write(`${CHUNK.length.toString(16)}\r\n${CHUNK}\r\n`);
		sent += CHUNK.length;
		await new Promise<void>((resolve) => (room ? setImmediate(resolve) : void socket.once("drain", resolve).once("close", resolve)));
	}
	socket.end();
	await over;
	return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]), code: /"code":"(\w+)"/.exec(answer)?.[1], sent };
}

it("a chunked body without end is cut off at the limit, at every door, and for a stranger at once", async () => {
	const jobhook = await service({ SUBMIT_MAX_BYTES: String(MAX), HOOK_MAX_BYTES: String(MAX) });
	const doors: [path: string, key: string, status: number, code: string][] = [
		["/v1/jobs", API_KEY, 413, "payload_too_large"],
		["/v1/endpoints", API_KEY, 413, "payload_too_large"],
		["/hooks/deapi", "", 413, "payload_too_large"],
		["/v1/jobs", "a-key-of-a-stranger", 401, "unauthorized"],
	];
	for (const [path, key, status, code] of doors) {
		const { sent, ...answer } = await endless(jobhook.port, path, key);
		expect(answer, path).toEqual({ status, code });
		expect(sent, path).toBeLessThan(100 * MAX); // what lies in the sockets' own buffers
	}
	expect((await jobhook.call<{ data: unknown[] }>("/v1/jobs")).data).toEqual([]);
	expect((await fetch(`http://127.0.0.1:${jobhook.port}/healthz`)).status).toBe(200);
});

it("a route that takes no body is called without one, and without a Content-Type", async () => {
	const jobhook = await service();
	const headers = { authorization: `Bearer ${API_KEY}` };
	const url = `http://127.0.0.1:${jobhook.port}/v1/apps`;
	const { data } = (await (await fetch(url, { headers })).json()) as { data: { id: string }[] };
	expect((await fetch(`${url}/${data[0]?.id}/rotate`, { method: "POST", headers })).status).toBe(200);
	expect((await fetch(url, { method: "POST", headers })).status).toBe(415);
});
