import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { signDeapi } from "../../src/core/signature.ts";
import { HOOK_SECRET } from "../support/launch.ts";
import { service } from "../support/process.ts";

const PROVIDER = { DEAPI_API_KEY: "key", DEAPI_BASE_URL: "http://127.0.0.1:9", DEAPI_WEBHOOK_SECRET: HOOK_SECRET };
const SHORT = { HEADERS_DEADLINE_MS: "500", BODY_DEADLINE_MS: "500" };
const SIGNED_LOOKING = `x-deapi-signature: sha256=${"0".repeat(64)}\r\nx-deapi-timestamp: ${Math.floor(Date.now() / 1000)}\r\n`;
const HOOK = "POST /hooks/deapi HTTP/1.1\r\nhost: a\r\n";

/** A connection, what came back over it, and whether it is over. */
function raw(port: number, start: string) {
	const seen = { answer: "", closed: false, socket: null as unknown as Socket };
	const over = new Promise<void>((resolve) => {
		seen.socket = connect(port, "127.0.0.1");
		seen.socket.write(start, "latin1");
		seen.socket.on("data", (bytes) => {
			seen.answer += bytes.toString("latin1");
		});
		seen.socket.on("error", () => {}); // a reset is a way of being closed
		seen.socket.on("close", () => {
			seen.closed = true;
			resolve();
		});
	});
	onTestFinished(() => void seen.socket.destroy());
	return { seen, over, statuses: () => (seen.answer.match(/HTTP\/1\.1 \d{3}/g) ?? []).map((line) => Number(line.slice(9))) };
}

/** A hook that the provider signed, about a job that nobody here knows: recorded all the same. */
async function valid(port: number): Promise<string> {
	const body = JSON.stringify({ event: "job.completed", delivery_id: randomUUID(), data: { job_request_id: randomUUID() } });
	const seconds = String(Math.floor(Date.now() / 1000));
	const headers = { "x-deapi-timestamp": seconds, "x-deapi-signature": signDeapi(HOOK_SECRET, seconds, body) };
	const answer = await fetch(`http://127.0.0.1:${port}/hooks/deapi`, { method: "POST", headers, body });
	return `${answer.status} ${((await answer.json()) as { outcome: string }).outcome}`;
}

it("slow headers, slow bodies, idle connections and pipelines of garbage are ended, while signed hooks are taken", async () => {
	const { port, output } = await service({ ...PROVIDER, ...SHORT });
	const many = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);
	const unsigned = `${HOOK}content-length: 2\r\n\r\n{}`;
	const attackers = {
		idle: many(100, () => raw(port, "")),
		headers: many(100, () => raw(port, `${HOOK}x-slow: `)),
		bodies: many(100, () => raw(port, `${HOOK}${SIGNED_LOOKING}content-length: 1000\r\n\r\n`)),
		garbage: many(100, () => raw(port, `${unsigned}\u0000GARBAGE\r\n\r\n`)),
	};
	const drip = setInterval(() => {
		for (const { seen } of [...attackers.headers, ...attackers.bodies]) if (!seen.closed) seen.socket.write("a");
	}, 100);
	for (let i = 0; i < 20; i++) expect(await valid(port)).toBe("200 orphan");
	await Promise.all(Object.values(attackers).flatMap((all) => all.map(({ over }) => over)));
	clearInterval(drip);
	for (const kind of ["idle", "headers", "bodies"] as const)
		for (const { statuses } of attackers[kind]) expect([[408], []], kind).toContainEqual(statuses());
	for (const { statuses } of attackers.garbage) expect(statuses().at(-1)).toBe(400);
	expect(await valid(port)).toBe("200 orphan");
	expect(output()).not.toContain('"level":50');
});

it("a request that two servers may read in two ways is refused, and its connection ended", async () => {
	const { port } = await service(PROVIDER);
	const empty = "0\r\n\r\n";
	const shapes: Record<string, string> = {
		"a length and chunks": `${HOOK}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n${empty}`,
		"chunks and a length": `${HOOK}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n${empty}`,
		"two lengths": `${HOOK}content-length: 5\r\ncontent-length: 6\r\n\r\nhello!`,
		"one length twice": `${HOOK}content-length: 5\r\ncontent-length: 5\r\n\r\nhello`,
		"a list of lengths": `${HOOK}content-length: 5, 5\r\n\r\nhello`,
		"a signed length": `${HOOK}content-length: +5\r\n\r\nhello`,
		"a folded header": `${HOOK}x-a: b\r\n c\r\ncontent-length: 0\r\n\r\n`,
		"a folded coding": `${HOOK}transfer-encoding:\r\n chunked\r\n\r\n${empty}`,
		"a space before a colon": `${HOOK}content-length : 5\r\n\r\nhello`,
		"line feeds alone": `${HOOK.replaceAll("\r", "")}content-length: 0\n\n`,
		"a line feed alone before the length": `${HOOK.slice(0, -2)}\ncontent-length: 0\r\n\r\n`,
		"a carriage return alone": `${HOOK.slice(0, -2)}\rcontent-length: 0\r\n\r\n`,
		"a NUL": `${HOOK}x-a: b\u0000c\r\ncontent-length: 0\r\n\r\n`,
		"an unknown coding": `${HOOK}transfer-encoding: xchunked\r\n\r\n${empty}`,
		"a coding behind chunks": `${HOOK}transfer-encoding: chunked, identity\r\n\r\n${empty}`,
		"a coding before chunks": `${HOOK}transfer-encoding: identity, chunked\r\n\r\n${empty}`,
		"a body packed inside its chunks": `${HOOK}transfer-encoding: gzip, chunked\r\n\r\n${empty}`,
		"chunks twice": `${HOOK}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n${empty}`,
		"chunks in HTTP/1.0": `${HOOK.replace("1.1", "1.0")}transfer-encoding: chunked\r\n\r\n${empty}`,
		"a chunk of no size": `${HOOK}${SIGNED_LOOKING}transfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n${empty}`,
		"a chunk that is longer than it says": `${HOOK}${SIGNED_LOOKING}transfer-encoding: chunked\r\n\r\n5\r\nhelloXX${empty}`,
		"a chunk of more bytes than there are": `${HOOK}${SIGNED_LOOKING}transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\nhello`,
		"line feeds alone between chunks": `${HOOK}${SIGNED_LOOKING}transfer-encoding: chunked\r\n\r\n5\nhello\n0\n\n`,
		"no host": "POST /hooks/deapi HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
		"two hosts": `${HOOK}host: b\r\ncontent-length: 0\r\n\r\n`,
	};
	const hidden = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"; // what a reader who stops early takes for the next request
	for (const [what, request] of Object.entries(shapes)) {
		const { over, statuses } = raw(port, request + hidden);
		await over;
		expect(statuses(), what).toEqual([400]);
	}
	const long = raw(port, `${HOOK}x-long: ${"b".repeat(16_384)}\r\n\r\n`);
	const crowded = raw(port, `${HOOK}${"a: b\r\n".repeat(101)}content-length: 0\r\n\r\n`);
	const full = raw(port, `${HOOK}${"a: b\r\n".repeat(97)}content-length: 0\r\nconnection: close\r\n\r\n`); // a hundred in all
	for (const { over } of [long, crowded, full]) await over;
	expect([long, crowded, full].map(({ statuses }) => statuses())).toEqual([[431], [431], [401]]);
	expect(await valid(port)).toBe("200 orphan");
});

it("a hook that its headers refuse leaves the connection to the next one, whether it was pipelined or not", async () => {
	const { port } = await service(PROVIDER);
	const body = "x".repeat(2000);
	const unsigned = `${HOOK}content-length: 2000\r\n\r\n${body}`;
	const { seen, over, statuses } = raw(port, unsigned + unsigned);
	await expect.poll(() => statuses()).toEqual([401, 401]);
	seen.socket.write(unsigned);
	await expect.poll(() => statuses()).toEqual([401, 401, 401]);
	seen.socket.write("GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
	await over;
	expect(statuses()).toEqual([401, 401, 401, 200]);
	for (let i = 0; i < 5; i++) {
		const answer = await fetch(`http://127.0.0.1:${port}/hooks/deapi`, { method: "POST", body: "x".repeat(1_000_000) });
		expect([answer.status, await answer.json()]).toEqual([401, { outcome: "no_signature" }]);
	}
});

it("a body of one byte too many, without a length or of a gigabyte is refused while it comes in, and takes no memory", async () => {
	const { port, memory } = await service(PROVIDER);
	expect(await valid(port)).toBe("200 orphan");
	const before = memory("VmRSS");
	const MIB = 1_048_576;
	const over = raw(port, `${HOOK}${SIGNED_LOOKING}content-length: ${MIB + 1}\r\n\r\n`);
	await expect.poll(() => over.statuses()).toEqual([413]); // before a byte of it
	const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
	const oneMore = raw(port, `${HOOK}${SIGNED_LOOKING}transfer-encoding: chunked\r\n\r\n${chunk.repeat(16)}`);
	await expect.poll(() => oneMore.seen.socket.bytesWritten > MIB && oneMore.seen.socket.writableLength === 0).toBe(true);
	expect(oneMore.statuses()).toEqual([]);
	oneMore.seen.socket.write("1\r\nx\r\n");
	await expect.poll(() => oneMore.statuses()).toEqual([413]);
	const pour = async (head: string, piece: string) => {
		const attacker = raw(port, `${HOOK}${head}\r\n`);
		let sent = 0;
		while (!attacker.seen.closed && sent < 1024 * MIB) {
			attacker.seen.socket.write(piece);
			sent += piece.length;
			await new Promise((resolve) => setImmediate(resolve));
			if (attacker.seen.socket.writableNeedDrain) await Promise.race([attacker.over, once(attacker.seen.socket, "drain").catch(() => {})]);
		}
		return { sent, statuses: attacker.statuses() };
	};
	const gigabyte = `content-length: ${1024 * MIB}\r\n`;
	const poured = await Promise.all([
		pour(`${SIGNED_LOOKING}transfer-encoding: chunked\r\n`, chunk),
		pour(`transfer-encoding: chunked\r\n`, chunk),
		pour(SIGNED_LOOKING + gigabyte, "x".repeat(65_536)),
		pour(gigabyte, "x".repeat(65_536)),
	]);
	expect(poured.map(({ statuses }) => statuses)).toEqual([[413], [401], [413], [401]]);
	for (const { sent } of poured) expect(sent).toBeLessThan(32 * MIB);
	expect(memory("VmHWM") - before).toBeLessThan(64);
	expect(await valid(port)).toBe("200 orphan");
});

it("connections past MAX_CONNECTIONS are closed as they come, which is logged, and those that are open go on", async () => {
	const { port, output } = await service({ ...PROVIDER, MAX_CONNECTIONS: "5" });
	const kept = Array.from({ length: 5 }, () => raw(port, "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"));
	for (const { statuses } of kept) await expect.poll(() => statuses()).toEqual([200]);
	const more = Array.from({ length: 20 }, () => raw(port, "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"));
	for (const { over, statuses } of more) {
		await over;
		expect(statuses()).toEqual([]);
	}
	kept[0]?.seen.socket.write("GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n");
	await expect.poll(() => kept[0]?.statuses()).toEqual([200, 200]);
	expect(output().match(/connections\.dropped/g)).toHaveLength(1);
	for (const { seen } of kept) seen.socket.destroy();
	await expect.poll(() => valid(port).catch(() => "not yet")).toBe("200 orphan");
});
