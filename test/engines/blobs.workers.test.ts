import { env } from "cloudflare:workers";
import type { R2Bucket } from "@cloudflare/workers-types";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openBlobs } from "../../src/worker/blobs.ts";
import { blobsSuite, chunked, keyAt, together } from "../suite/blobs.ts";

const MIB = 1_048_576;
const some = new Uint8Array(1000).fill(7);

async function emptyBucket() {
	for (let { objects } = await env.BLOBS.list(); objects.length > 0; { objects } = await env.BLOBS.list())
		await env.BLOBS.delete(objects.map(({ key }) => key));
	return openBlobs(env.BLOBS);
}

describe("blobs in R2", () => blobsSuite(emptyBucket));

/** Nothing local makes R2 fail, so here a bucket does that does nothing else. */
describe("R2's own trouble", () => {
	afterEach(() => vi.useRealTimers());
	const callsOf = (bucket: Partial<Record<keyof R2Bucket, unknown>>) => {
		const blobs = openBlobs(bucket as unknown as R2Bucket);
		const calls: Promise<unknown>[] = [
			blobs.put(keyAt(0), some),
			blobs.get(keyAt(0)),
			blobs.list("inputs", "", 10),
			blobs.delete([keyAt(0)]),
		];
		const large = chunked(new Uint8Array(9 * MIB), [MIB]);
		calls.push(blobs.write(keyAt(0), chunked(some, [100])), blobs.write(keyAt(0), large));
		calls.push(blobs.read(keyAt(0)).then((body) => together(body)));
		return calls.map((call) => call.catch((e: unknown) => e));
	};

	it.each([
		["refuses", () => Promise.reject(new Error("internal error; please try again (10001)"))],
		["is not bound", undefined],
	])("is unavailable in every call where it %s, with what to look at", async (_, call) => {
		for (const refused of callsOf({ put: call, get: call, list: call, delete: call, createMultipartUpload: call }))
			expect(await refused).toMatchObject({ code: "unavailable", message: expect.stringContaining("the binding BLOBS") });
	});

	it("is unavailable where a body breaks off", async () => {
		const lost = () => Promise.reject(new Error("Network connection lost."));
		const body = () => new ReadableStream({ type: "bytes", pull: lost });
		const calls = callsOf({ get: async () => ({ arrayBuffer: lost, body: body() }) });
		for (const read of [calls[1], calls[6]]) expect(await read).toMatchObject({ code: "unavailable" });
	});

	it("is unavailable where a body stops coming for 20 seconds", async () => {
		vi.useFakeTimers();
		const body = new ReadableStream({ type: "bytes", start: (stream) => stream.enqueue(some) });
		const blobs = openBlobs({ get: async () => ({ body }) } as unknown as R2Bucket);
		const read = together(await blobs.read(keyAt(0))).catch((e: unknown) => e);
		await vi.advanceTimersByTimeAsync(20_000);
		expect(await read).toMatchObject({ code: "unavailable" });
	});

	it("is unavailable where it has not answered after 20 seconds", async () => {
		vi.useFakeTimers();
		const call = () => new Promise(() => {});
		const calls = Promise.all(callsOf({ put: call, get: call, list: call, delete: call, createMultipartUpload: call }));
		await vi.advanceTimersByTimeAsync(20_000);
		expect(await calls).toMatchObject(Array.from({ length: 7 }, () => ({ code: "unavailable" })));
	});

	/** A bucket that takes parts until `most`, and what it was told. */
	function uploads(most = 100) {
		const told: [string, ...unknown[]][] = [];
		const uploadPart = async (partNumber: number, { length }: Uint8Array) => {
			told.push(["part", partNumber, length]);
			if (partNumber > most) throw new Error("internal error; please try again (10001)");
			return { partNumber, etag: "e" };
		};
		const complete = async (parts: unknown[]) => void told.push(["complete", parts.length]);
		const upload = { uploadPart, complete, abort: async () => void told.push(["abort"]) };
		const put = async (_: string, { length }: Uint8Array) => void told.push(["put", length]);
		return { told, blobs: openBlobs({ put, createMultipartUpload: async () => upload } as unknown as R2Bucket) };
	}

	it.each([
		[0, [["put", 0]]],
		[5 * MIB - 1, [["put", 5 * MIB - 1]]],
		[
			5 * MIB,
			[
				["part", 1, 5 * MIB],
				["complete", 1],
			],
		],
		[
			11 * MIB,
			[
				["part", 1, 5 * MIB],
				["part", 2, 5 * MIB],
				["part", 3, MIB],
				["complete", 3],
			],
		],
	])("is told of %i bytes in parts of one size but for the last", async (size, calls) => {
		const { told, blobs } = uploads();
		await blobs.write(keyAt(0), chunked(new Uint8Array(size), [999_999]));
		expect(told).toEqual(calls);
	});

	it("is told to forget the parts of a blob that breaks off, on our side or on its own", async () => {
		const [whole, half, broken] = [uploads(), uploads(1), new Error("the source is gone")];
		await expect(whole.blobs.write(keyAt(0), chunked(new Uint8Array(9 * MIB), [MIB], broken))).rejects.toBe(broken);
		expect(whole.told).toEqual([["part", 1, 5 * MIB], ["abort"]]);
		const refused = half.blobs.write(keyAt(0), chunked(new Uint8Array(20 * MIB), [MIB]));
		await expect(refused).rejects.toMatchObject({ code: "unavailable" });
		expect(half.told.at(-1)).toEqual(["abort"]);
	});

	it("is no short list: pages that are not full are followed to the end", async () => {
		const keys = [1, 2, 3, 4, 5].map((at) => keyAt(at));
		const list = async ({ startAfter = "", limit = 0 }) => {
			const left = keys.filter((key) => key > startAfter);
			const objects = left.slice(0, Math.min(2, limit)).map((key) => ({ key }));
			return { objects, truncated: left.length > objects.length, cursor: "c" };
		};
		const blobs = openBlobs({ list } as unknown as R2Bucket);
		expect(await blobs.list("inputs", "", 10)).toEqual(keys);
		expect(await blobs.list("inputs", keys[0]!, 3)).toEqual(keys.slice(1, 4));
	});

	it("does not take more than a thousand keys to delete at once", async () => {
		const blobs = await emptyBucket();
		const key = keyAt(5);
		await blobs.put(key, some);
		await blobs.delete([...Array.from({ length: 1500 }, () => keyAt(1)), key]);
		expect(await blobs.get(key)).toBe(null);
	});
});
