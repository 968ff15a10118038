import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { child } from "../support/child.ts";
import { CHUNKED, head, openPeer, type Peer, packed, pours, says } from "../support/hostile.ts";

const ZEROS = Buffer.alloc(100_000_000);
const MB = 1_000_000;
const AT_ONCE = 10;
const PEERS: [string, Peer["asked"], string][] = [
	["5 GB", pours(head("200 OK", "content-length: 5000000000"), "a"), "200"],
	["5 GB in chunks", pours(CHUNKED, `400\r\n${"a".repeat(1024)}\r\n`), "200"],
	["a gzip bomb", says(packed("gzip", gzipSync(ZEROS))), "200"],
	["a brotli bomb", says(packed("br", brotliCompressSync(ZEROS))), "200"],
	["a zstd bomb", says(packed("zstd", zstdCompressSync(ZEROS))), "200"],
	["header fields without end", pours("HTTP/1.1 200 OK\r\n", "a: b\r\n"), "headers_too_large"],
	["header fields without a value, without end", pours("HTTP/1.1 200 OK\r\n", "a:\r\n"), "headers_too_large"],
	["one header field without end", pours("HTTP/1.1 200 OK\r\nx: ", "a"), "headers_too_large"],
	["trailers without end", pours(`${CHUNKED}2\r\nok\r\n0\r\n`, "a: b\r\n"), "headers_too_large"],
	["103 without end", pours("", head("103 Early Hints", "link: </a>")), "invalid_response"],
	["a reason phrase without end", pours("HTTP/1.1 200 ", "a"), "timeout"],
];

/** Of twenty attempts, ten at a time. */
interface Said {
	said: string[];
	/** Bytes. */
	grown: number;
	lateMs: number;
	cpuMs: number;
}

const open: { close(): Promise<void> }[] = [];
const flags = process.env["NODE_OPTIONS"];
afterEach(async () => {
	process.env["NODE_OPTIONS"] = flags ?? "";
	for (const one of open.splice(0)) await one.close();
});

describe("memory", () => {
	it("of an attempt at whatever a receiver sends is less than 10 MB, ten at once, and it ends in time and stops nobody", async () => {
		const peers = await Promise.all([{}, ...PEERS.map(([, asked]) => ({ asked: asked!, always: true }))].map((peer) => openPeer(peer)));
		open.push(...peers);
		process.env["NODE_OPTIONS"] = "--max-http-header-size=10000000"; // which is not what limits us
		const started = child(
			"../e2e/hostile.child.ts",
			peers.map(({ host }) => host),
		);
		for (const [what, , reason] of PEERS) {
			const { said, grown, lateMs, cpuMs } = JSON.parse(await started.said()) as Said;
			console.info(`row 30: ${what}: ${(grown / MB / AT_ONCE).toFixed(1)} MB and ${Math.round(cpuMs / 20)} ms of CPU an attempt`);
			expect(said, what).toEqual([reason]);
			expect(grown, what).toBeLessThan(10 * MB * AT_ONCE);
			expect(lateMs, what).toBeLessThan(500);
			expect(cpuMs, what).toBeLessThan(1500); // of twenty
		}
	});
});
