import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type BlobKind, type Blobs, blobKey } from "../../src/core/blobs.ts";
import { newId } from "../../src/core/ids.ts";

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;
const app = newId("app", NOW);
/** A key whose row was made at this time. */
export const keyAt = (rowAt: number, kind: BlobKind = "inputs") => blobKey(kind, { id: newId("job", rowAt), app }, NOW);
const text = (words: string) => new TextEncoder().encode(words);

/** Bytes in chunks of these sizes, over and over; and then `broken`, if it is given. */
export async function* chunked(bytes: Uint8Array, sizes: readonly number[], broken?: Error) {
	for (let at = 0, i = 0; at < bytes.length; at += sizes[i++ % sizes.length]!) yield bytes.subarray(at, at + sizes[i % sizes.length]!);
	if (broken !== undefined) throw broken;
}
export async function together(chunks: AsyncIterable<Uint8Array> | null): Promise<Buffer | null> {
	if (chunks === null) return null;
	const all: Uint8Array[] = [];
	for await (const chunk of chunks) all.push(chunk);
	return Buffer.concat(all);
}

/** What the rest counts on, for any store. `open` gives an empty one. */
export function blobsSuite(open: () => Promise<Blobs & { close?(): Promise<void> }>): void {
	let blobs: Awaited<ReturnType<typeof open>>;
	beforeEach(async () => {
		blobs = await open();
	});
	afterEach(() => blobs.close?.());

	describe("a blob", () => {
		it.each([
			["empty", new Uint8Array(0)],
			["of every byte there is", Uint8Array.from({ length: 256 }, (_, i) => i)],
			["of 9 MiB", new Uint8Array(9 * 1_048_576).map((_, i) => i % 251)],
		])("that is %s comes back as it was put", async (_, bytes) => {
			const key = keyAt(NOW);
			await blobs.put(key, bytes);
			const back = await blobs.get(key);
			expect(back).toBeInstanceOf(Uint8Array);
			expect(Buffer.from(back!).equals(bytes)).toBe(true);
		});

		it("that was never put, or was deleted, is none", async () => {
			const [never, deleted, stays] = [keyAt(NOW), keyAt(NOW), keyAt(NOW)];
			for (const key of [deleted, stays]) await blobs.put(key, text(key));
			await blobs.delete([deleted, never]);
			await blobs.delete([]);
			expect([await blobs.get(never), await blobs.get(deleted)]).toEqual([null, null]);
			expect(Buffer.from((await blobs.get(stays))!).toString()).toBe(stays);
		});

		it("is one of many that are put at once", async () => {
			const keys = Array.from({ length: 60 }, (_, i) => keyAt(NOW - i * HOUR));
			await Promise.all(keys.map((key) => blobs.put(key, text(key))));
			const back = await Promise.all(keys.map((key) => blobs.get(key)));
			expect(back.map((bytes) => Buffer.from(bytes!).toString())).toEqual(keys);
		});
	});

	describe("a blob in chunks", () => {
		const ODD = [1, 65_536, 99_991, 0, 700_001];

		it("comes back whole and in every range of it", async () => {
			const [key, bytes] = [keyAt(NOW, "files"), new Uint8Array(9 * 1_048_576).map((_, i) => (i >> 8) + i)];
			await blobs.write(key, chunked(bytes, ODD));
			const last = bytes.length - 1;
			const ranges = [
				[0, 0],
				[262_143, 262_144],
				[262_000, 700_000],
				[524_288, 786_431],
				[8_388_607, 8_388_608],
				[last, last],
				[0, last],
			];
			for (const [start, end] of ranges as [number, number][]) {
				const back = await together(await blobs.read(key, { start, end }));
				expect(back!.equals(bytes.subarray(start, end + 1)), `${start}-${end}`).toBe(true);
			}
			expect((await together(await blobs.read(key)))!.equals(bytes)).toBe(true);
			expect(Buffer.from((await blobs.get(key))!).equals(bytes)).toBe(true);
			expect(await blobs.list("files", "", 10)).toEqual([key]);
		});

		it.each([0, 1, 262_144, 1_048_576])("is one of %i bytes, however it was put", async (size) => {
			const [put, written, bytes] = [keyAt(NOW), keyAt(NOW), new Uint8Array(size).fill(7)];
			await blobs.put(put, bytes);
			await blobs.write(written, chunked(bytes, [1000]));
			for (const key of [put, written]) expect((await together(await blobs.read(key)))!.equals(bytes)).toBe(true);
			expect((await blobs.get(written))?.length).toBe(size);
		});

		it("that was never put, or was deleted, is none", async () => {
			const deleted = keyAt(NOW);
			await blobs.write(deleted, chunked(text("x"), [1]));
			await blobs.delete([deleted]);
			for (const key of [keyAt(NOW), deleted])
				expect([await blobs.read(key), await blobs.read(key, { start: 5, end: 9 })]).toEqual([null, null]);
		});

		it.each([0, 10, 3_000_000, 9_000_000])("whose source breaks after %i bytes leaves nothing, and the error as it was", async (size) => {
			const [key, broken] = [keyAt(NOW), Object.assign(new Error("reset"), { code: "ECONNRESET", syscall: "read" })];
			const failed = blobs.write(key, chunked(new Uint8Array(size), [200_000], broken)).catch((e: unknown) => e);
			expect(await failed).toBe(broken);
			expect([await blobs.get(key), await blobs.read(key), await blobs.list("inputs", "", 10)]).toEqual([null, null, []]);
			await blobs.write(key, chunked(text("again"), [2]));
			expect((await together(await blobs.read(key)))?.toString()).toBe("again");
		});

		it("is written while another is read", async () => {
			const [key, copy, bytes] = [keyAt(NOW), keyAt(NOW), new Uint8Array(1_500_000).map((_, i) => i % 249)];
			await blobs.write(key, chunked(bytes, ODD));
			const [from, beside] = [await blobs.read(key), await blobs.read(key, { start: 1, end: 9 })];
			await blobs.write(copy, from!);
			expect((await together(await blobs.read(copy)))!.equals(bytes)).toBe(true);
			expect((await together(beside))!.equals(bytes.subarray(1, 10))).toBe(true);
		});

		it("is let go of by a reader that leaves early", async () => {
			const [key, bytes] = [keyAt(NOW), new Uint8Array(3_000_000).fill(7)];
			await blobs.write(key, chunked(bytes, [500_000]));
			for (let i = 0; i < 20; i++) {
				for await (const chunk of (await blobs.read(key))!) {
					expect(chunk[0]).toBe(7);
					break;
				}
			}
			await blobs.delete([key]);
			expect(await blobs.read(key)).toBe(null);
		});
	});

	describe("a list of blobs", () => {
		/** Seconds, hours and years apart, put in no order. */
		async function fill(count: number): Promise<string[]> {
			const keys = Array.from({ length: count }, (_, i) => keyAt(NOW - i * 1000 - (i % 3) * HOUR - (i % 2) * 9e10));
			for (const key of keys) await blobs.put(key, text("x"));
			return keys.sort((a, b) => (a < b ? -1 : 1));
		}

		it("has the keys of its kind, in the order of their bytes, page after page without a gap", async () => {
			const keys = await fill(57);
			await blobs.put(keyAt(NOW, "results"), text("x"));
			expect(await blobs.list("inputs", "", 1000)).toEqual(keys);
			expect(await blobs.list("results", "", 1000)).toHaveLength(1);
			const pages: string[][] = [];
			for (let after = ""; pages.at(-1)?.length !== 0; after = pages.at(-1)?.at(-1) ?? "")
				pages.push(await blobs.list("inputs", after, 10));
			expect(pages.map((page) => page.length)).toEqual([10, 10, 10, 10, 10, 7, 0]);
			expect(pages.flat()).toEqual(keys);
		});

		it("goes on behind a key that is gone", async () => {
			const keys = await fill(12);
			const [first, ...others] = keys;
			await blobs.delete(keys.slice(0, 5));
			expect(await blobs.list("inputs", first!, 3)).toEqual(others.slice(4, 7));
			expect(await blobs.list("inputs", keys.at(-1)!, 3)).toEqual([]);
		});

		it("is empty where nothing was ever put", async () => {
			expect(await blobs.list("inputs", "", 10)).toEqual([]);
		});
	});
}
