import { type BlobKind, type Blobs, readBlobKey } from "../../src/core/blobs.ts";
import { JobhookError } from "../../src/errors.ts";

/** Blobs in memory, on any runtime. */
export function memoryBlobs() {
	const kept = new Map<string, Uint8Array>();
	const keys = (kind: BlobKind) => [...kept.keys()].filter((key) => key.startsWith(`${kind}/`)).sort((a, b) => (a < b ? -1 : 1));
	const broken = new Set<keyof Blobs>();
	const use = (call: keyof Blobs) => {
		if (broken.has(call)) throw new JobhookError("unavailable", "the store of large bodies was broken by the test");
	};
	return {
		kept,
		/** The keys of a kind, in order. */
		keys,
		/** From here on these calls are refused; without a name all are well again. */
		breaks: (...calls: (keyof Blobs)[]) => {
			broken.clear();
			for (const call of calls) broken.add(call);
		},
		async put(key: string, bytes: Uint8Array) {
			use("put");
			if (readBlobKey(key) === null || kept.has(key)) throw new Error(`not a key to be put: ${key}`);
			kept.set(key, bytes);
		},
		async get(key: string) {
			use("get");
			return kept.get(key) ?? null;
		},
		async list(kind: BlobKind, after: string, limit: number) {
			use("list");
			return keys(kind)
				.filter((key) => key > after)
				.slice(0, limit);
		},
		async delete(keys: readonly string[]) {
			use("delete");
			for (const key of keys) kept.delete(key);
		},
	} satisfies Blobs & Record<string, unknown>;
}
