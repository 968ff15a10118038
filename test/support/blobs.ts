import { type BlobKind, type Blobs, type ByteRange, readBlobKey } from "../../src/core/blobs.ts";
import { JobhookError } from "../../src/errors.ts";

/** What a read gives at once. */
const CHUNK = 65_536;

/** Blobs in memory, on any runtime. */
export function memoryBlobs() {
	const kept = new Map<string, Uint8Array>();
	const keys = (kind: BlobKind) => [...kept.keys()].filter((key) => key.startsWith(`${kind}/`)).sort((a, b) => (a < b ? -1 : 1));
	const broken = new Set<keyof Blobs>();
	let room = Number.POSITIVE_INFINITY;
	const refusal = (why: string) => new JobhookError("unavailable", `the store of large bodies ${why}`);
	const use = (call: keyof Blobs) => {
		if (broken.has(call)) throw refusal("was broken by the test");
	};
	const keep = (key: string, bytes: Uint8Array) => {
		if (readBlobKey(key) === null || kept.has(key)) throw new Error(`not a key to be put: ${key}`);
		if (bytes.length > room) throw refusal("is full");
		kept.set(key, bytes);
	};
	return {
		kept,
		/** The keys of a kind, in order. */
		keys,
		/** From here on these calls are refused; without a name all are well again. */
		breaks: (...calls: (keyof Blobs)[]) => {
			room = Number.POSITIVE_INFINITY;
			broken.clear();
			for (const call of calls) broken.add(call);
		},
		/** From here on a blob of more bytes than these breaks off behind them, as on a full disk; `breaks()` makes it well again. */
		breaksAfter: (bytes: number) => {
			room = bytes;
		},
		async put(key: string, bytes: Uint8Array) {
			use("put");
			keep(key, bytes);
		},
		async write(key: string, chunks: AsyncIterable<Uint8Array>) {
			use("write");
			const taken: Uint8Array<ArrayBuffer>[] = [];
			let size = 0;
			for await (const chunk of chunks) {
				size += chunk.length;
				if (size > room) throw refusal("is full");
				taken.push(chunk.slice());
			}
			use("write"); // broken meanwhile
			keep(key, await new Blob(taken).bytes());
		},
		async get(key: string) {
			use("get");
			return kept.get(key) ?? null;
		},
		async read(key: string, range?: ByteRange) {
			use("read");
			const bytes = kept.get(key);
			return bytes === undefined ? null : chunksOf(range === undefined ? bytes : bytes.subarray(range.start, range.end + 1));
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

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
	for (let at = 0; at < bytes.length; at += CHUNK) yield bytes.subarray(at, at + CHUNK);
}
