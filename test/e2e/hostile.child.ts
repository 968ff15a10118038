import { createHttp } from "../../src/node/dialer/dialer.ts";
import { reaching } from "../support/reach.ts";

/* Run as a process of its own, whose memory nobody else uses: makes attempts at each of these peers, and says how far it grew meanwhile. */
const [attempts, atOnce, deadlineMs] = [20, 10, 500];
const http = createHttp({ ...reaching(["127.0.0.0/8"]), connectDeadlineMs: 5000 });
const attempt = async (host: string) => {
	const from = performance.now();
	const request = { url: `http://${host}/`, headers: {}, deadlineMs, keepBytes: 16_384, reach: "public" } as const;
	const answer = await http({ ...request, method: "POST", body: "{}" });
	return { said: answer.kind === "failed" ? answer.reason : String(answer.status), lateMs: performance.now() - from - deadlineMs };
};
/** The highest it has ever been, which the system knows, also while nobody here has a turn. */
const peak = () => process.resourceUsage().maxRSS * 1024;

const [warm, ...hosts] = process.argv.slice(2) as [string, ...string[]];
for (let i = 0; i < 100; i++) await attempt(warm); // what code and buffers take once
const piece = Buffer.alloc(8);
for (let i = 0; i < 20; i++) Array.from({ length: 100_000 }, () => piece.subarray(1)); // and what V8 takes for young objects
for (const host of hosts) {
	let most = 0;
	const [before, highest] = [process.memoryUsage.rss(), peak()];
	const look = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 2);
	const cpu = process.cpuUsage();
	const ended: Awaited<ReturnType<typeof attempt>>[] = [];
	for (let made = 0; made < attempts; made += atOnce)
		ended.push(...(await Promise.all(Array.from({ length: atOnce }, () => attempt(host)))));
	clearInterval(look);
	const cpuMs = process.cpuUsage(cpu).user / 1000;
	if (peak() > highest) most = Math.max(most, peak());
	const said = [...new Set(ended.map(({ said }) => said))];
	const lateMs = Math.max(...ended.map((one) => one.lateMs));
	console.log(JSON.stringify({ said, grown: Math.max(most, process.memoryUsage.rss()) - before, lateMs, cpuMs }));
}
await http.close();
