import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import zlib, { constants } from "node:zlib";
import { describe, expect, it } from "vitest";
import { unpack } from "../../src/node/dialer/unpack.ts";

const never = new AbortController().signal;
const TEXT = "an answer of a receiver, ".repeat(40); // 1000 bytes
const window = (bits: number) => ({ params: { [constants.BROTLI_PARAM_LGWIN]: bits } });
const PACKERS: [string, (bytes: Buffer) => Buffer][] = [
	["gzip", zlib.gzipSync],
	["x-gzip", zlib.gzipSync],
	[" GZip ", zlib.gzipSync],
	["deflate", zlib.deflateSync],
	["deflate", zlib.deflateRawSync],
	["br", zlib.brotliCompressSync],
	["zstd", zlib.zstdCompressSync],
];
/** Bytes as text: an assertion looks at each byte of a Buffer as if it were a field. */
async function read(packed: Buffer, how: string, limit: number, { cut = false, over = never }: { cut?: boolean; over?: AbortSignal } = {}) {
	const unpacked = await unpack(packed, { how, limit, cut, over });
	return unpacked && { text: unpacked.bytes.toString("latin1"), more: unpacked.more };
}

describe("what came packed", () => {
	it.each(PACKERS)("as %s is what was packed, or its first bytes", async (how, pack) => {
		const packed = pack(Buffer.from(TEXT));
		expect(await read(packed, how, 1000)).toEqual({ text: TEXT, more: false });
		expect(await read(packed, how, 2000)).toEqual({ text: TEXT, more: false });
		for (const limit of [1, 999]) {
			expect(await read(packed, how, limit)).toEqual({ text: TEXT.slice(0, limit), more: true });
		}
		const million = "a".repeat(1_000_000);
		expect(await read(pack(Buffer.from(million)), how, 1_000_000)).toEqual({ text: million, more: false });
	});

	it.each(PACKERS)("as %s and was cut is as much as can be read of it", async (how, pack) => {
		const whole = randomBytes(300_000);
		const packed = pack(whole);
		const { text, more } = (await read(packed.subarray(0, packed.length - 20), how, 400_000, { cut: true }))!;
		expect(more).toBe(true);
		expect(text.length).toBeGreaterThan(100_000);
		expect(whole.toString("latin1").startsWith(text)).toBe(true);
	});

	it.each(PACKERS)("as %s and is broken is not read at all", async (how, pack) => {
		const packed = pack(randomBytes(5000));
		for (const broken of [packed.subarray(0, 2000), Buffer.from("hello, I am text"), Buffer.alloc(100, 255)])
			expect(await read(broken, how, 10_000)).toBeNull();
	});

	it.each(["identity", "", "compress", "gzip, gzip", "aes128gcm"])("as %j is not known", async (how) => {
		expect(await read(zlib.gzipSync(TEXT), how, 1000)).toBeNull();
	});

	it("within something packed stays so", async () => {
		const inner = zlib.gzipSync(TEXT);
		expect(await read(zlib.gzipSync(inner), "gzip", 1000)).toEqual({ text: inner.toString("latin1"), more: false });
	});

	it("and asks for more memory than an answer is worth is not read", async () => {
		for (let bits = 10; bits <= 24; bits++) {
			const packed = zlib.brotliCompressSync(TEXT, window(bits));
			expect(await read(packed, "br", 1000), `${bits}`).toEqual(bits > 22 ? null : { text: TEXT, more: false });
		}
		// a zstd frame that wants 128 MiB for its window: its magic number, no flags, that window
		expect(await read(Buffer.from("28b52ffd0088010000", "hex"), "zstd", 1000)).toBeNull();
	});

	it("to nothing, again and again, is nothing", async () => {
		const empty = zlib.gzipSync("");
		const many = Buffer.concat(Array<Buffer>(20_000).fill(empty));
		expect(await read(many, "gzip", 1000)).toEqual({ text: "", more: false });
	});

	it("is left alone when its time is over, before or while it is read", async () => {
		const packed = zlib.gzipSync(Buffer.alloc(50_000_000));
		const ended = new AbortController();
		const reading = read(packed, "gzip", 60_000_000, { over: ended.signal });
		setImmediate(() => ended.abort());
		expect(await reading).toBeNull();
		expect(await read(packed, "gzip", 60_000_000, { over: ended.signal })).toBeNull();
	});

	it("waits for its turn where many are, and not beyond its own time: others have threads of zlib, too", async () => {
		const slow = zlib.brotliCompressSync(Buffer.alloc(50_000_000)); // each fills its window of 4 MiB first
		const hello = zlib.gzipSync("hello");
		let done = 0;
		const many = Array.from({ length: 20 }, async () => {
			const unpacked = await read(slow, "br", 1000);
			done++;
			return unpacked;
		});
		const late = Array.from({ length: 5 }, () => read(slow, "br", 1000, { over: AbortSignal.timeout(5) }));
		expect((await promisify(zlib.gunzip)(hello)).toString()).toBe("hello");
		expect(done).toBeLessThan(4);
		expect(await Promise.all(late)).toEqual(Array(5).fill(null));
		expect(done).toBeLessThan(10);
		expect(await Promise.all(many)).toEqual(Array(20).fill({ text: "\u0000".repeat(1000), more: true }));
		expect(await read(hello, "gzip", 1000)).toEqual({ text: "hello", more: false });
	});
});
