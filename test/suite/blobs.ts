import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type BlobKind, type Blobs, blobKey } from "../../src/core/blobs.ts";
import { newId } from "../../src/core/ids.ts";

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;
const app = newId("app", NOW);
/** A key whose row was made at this time. */
export const keyAt = (rowAt: number, kind: BlobKind = "inputs") => blobKey(kind, { id: newId("job", rowAt), app }, NOW);
const text = (words: string) => new TextEncoder().encode(words);

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
