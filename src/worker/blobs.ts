import type { R2Bucket, ReadableStream } from "@cloudflare/workers-types";
import type { Blobs } from "../core/blobs.ts";
import { inPieces } from "../core/pieces.ts";
import { inTime } from "./r2-call.ts";
import { PART_BYTES, R2Upload } from "./r2-upload.ts";

/** What is read at once: each read costs as much time as 1 kB does. */
const CHUNK_BYTES = 65_536;
/** Keys that one call deletes at most. */
const MOST = 1000;

/** Blobs in R2, which keeps what it has taken and lists it in the order of its keys. */
export function openBlobs(bucket: R2Bucket): Blobs {
	return {
		async put(key, bytes) {
			await inTime(() => bucket.put(key, bytes));
		},
		async write(key, chunks) {
			const upload = new R2Upload(bucket, key);
			try {
				for await (const piece of inPieces(chunks, PART_BYTES)) await upload.add(piece);
				await upload.end();
			} catch (e) {
				await upload.abort();
				throw e;
			}
		},
		async get(key) {
			const read = async () => (await bucket.get(key))?.arrayBuffer();
			const bytes = await inTime(read);
			return bytes === undefined ? null : new Uint8Array(bytes);
		},
		async read(key, range) {
			const wish = range === undefined ? {} : { range: { offset: range.start, length: range.end - range.start + 1 } };
			const found = await inTime(() => bucket.get(key, wish));
			return found === null ? null : chunksOf(found.body);
		},
		async list(kind, after, limit) {
			const keys: string[] = [];
			// a page may have fewer than were asked for, and others behind it
			for (let start = after; keys.length < limit; start = keys.at(-1) ?? "") {
				const wish = { prefix: `${kind}/`, limit: limit - keys.length, ...(start === "" ? {} : { startAfter: start }) };
				const page = await inTime(() => bucket.list(wish));
				keys.push(...page.objects.map(({ key }) => key));
				if (!page.truncated || page.objects.length === 0) break;
			}
			return keys;
		},
		async delete(keys) {
			for (let i = 0; i < keys.length; i += MOST) await inTime(() => bucket.delete(keys.slice(i, i + MOST)));
		},
	};
}

async function* chunksOf(body: ReadableStream): AsyncGenerator<Uint8Array, void, undefined> {
	const reader = body.getReader({ mode: "byob" });
	try {
		for (;;) {
			const { done, value } = await inTime(() => reader.readAtLeast(CHUNK_BYTES, new Uint8Array(CHUNK_BYTES)));
			if (done) return;
			yield value;
		}
	} finally {
		void reader.cancel().catch(() => {}); // one that hangs is not waited for
	}
}
