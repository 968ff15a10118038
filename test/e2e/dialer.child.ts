import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { HttpRequest } from "../../src/core/http.ts";
import { createHttp } from "../../src/node/dialer/dialer.ts";
import { reaching } from "../support/reach.ts";

/* Run as a process of its own, whose memory nobody else uses: moves so many bytes from or to a server and says how far it has grown. */
const [way, bytes, url] = [process.argv[2], Number(process.argv[3]), String(process.argv[4])];
/** What was dropped is not held: V8 leaves 200 MB of it lying about before it looks, however much passes. */
const SWEPT_EACH = 10_000_000;
setFlagsFromString("--expose-gc");
const sweep = runInNewContext("gc") as () => void;

const http = createHttp({ ...reaching(["127.0.0.0/8"]), connectDeadlineMs: 5000 });
let [moved, most] = [0, 0];
const passed = (count: number) => {
	const due = Math.floor(moved / SWEPT_EACH) < Math.floor((moved + count) / SWEPT_EACH);
	if (due) sweep();
	moved += count;
	most = Math.max(most, process.memoryUsage.rss());
};
const take: HttpRequest["take"] = async (_, chunks) => {
	for await (const chunk of chunks) passed(chunk.length);
};
async function* chunks(count: number) {
	for (let left = count; left > 0; left -= 100_000) {
		passed(100_000);
		yield new Uint8Array(100_000).fill(97);
	}
}
const move = (count: number) => {
	const request = { url: `${url}/${count}`, headers: {}, deadlineMs: 60_000, keepBytes: 1000, reach: "public" } as const;
	if (way === "download") return http({ ...request, method: "GET", take });
	return http({ ...request, method: "POST", body: { bytes: count, chunks: () => chunks(count) } });
};

await move(1_000_000); // what code and buffers take once
sweep();
const before = process.memoryUsage.rss();
[moved, most] = [0, 0];
const answer = await move(bytes);
console.log(JSON.stringify({ answer, moved, grown: most - before }));
await http.close();
