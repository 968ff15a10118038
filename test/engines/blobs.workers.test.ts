import { env } from "cloudflare:workers";
import type { R2Bucket } from "@cloudflare/workers-types";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openBlobs } from "../../src/worker/blobs.ts";
import { blobsSuite, keyAt } from "../suite/blobs.ts";

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
		const calls = [blobs.put(keyAt(0), some), blobs.get(keyAt(0)), blobs.list("inputs", "", 10), blobs.delete([keyAt(0)])];
		return calls.map((call) => call.catch((e: unknown) => e));
	};

	it.each([
		["refuses", () => Promise.reject(new Error("internal error; please try again (10001)"))],
		["is not bound", undefined],
	])("is unavailable in every call where it %s, with what to look at", async (_, call) => {
		for (const refused of callsOf({ put: call, get: call, list: call, delete: call }))
			expect(await refused).toMatchObject({ code: "unavailable", message: expect.stringContaining("the binding BLOBS") });
	});

	it("is unavailable where a body breaks off", async () => {
		const [, read] = callsOf({ get: async () => ({ arrayBuffer: () => Promise.reject(new Error("Network connection lost.")) }) });
		expect(await read).toMatchObject({ code: "unavailable" });
	});

	it("is unavailable where it has not answered after 20 seconds", async () => {
		vi.useFakeTimers();
		const call = () => new Promise(() => {});
		const calls = Promise.all(callsOf({ put: call, get: call, list: call, delete: call }));
		await vi.advanceTimersByTimeAsync(20_000);
		expect(await calls).toMatchObject(Array.from({ length: 4 }, () => ({ code: "unavailable" })));
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
