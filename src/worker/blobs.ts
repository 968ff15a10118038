import type { R2Bucket } from "@cloudflare/workers-types";
import type { Blobs } from "../core/blobs.ts";
import { JobhookError } from "../errors.ts";

/** Keys that one call deletes at most. */
const MOST = 1000;
/** A call that hangs would hold a claimed send until its lease is over. */
const DEADLINE_MS = 20_000;

/** Blobs in R2, which keeps what it has taken and lists it in the order of its keys. */
export function openBlobs(bucket: R2Bucket): Blobs {
	return {
		async put(key, bytes) {
			await inTime(() => bucket.put(key, bytes));
		},
		async get(key) {
			const read = async () => (await bucket.get(key))?.arrayBuffer();
			const bytes = await inTime(read);
			return bytes === undefined ? null : new Uint8Array(bytes);
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

async function inTime<T>(call: () => Promise<T>): Promise<T> {
	let timer: ReturnType<typeof setTimeout> | undefined;
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new Error(`R2 did not answer within ${DEADLINE_MS} ms`)), DEADLINE_MS);
	});
	try {
		return await Promise.race([call(), late]);
	} catch (cause) {
		const help = "if it stays so, look whether the bucket of the binding BLOBS is there";
		throw new JobhookError("unavailable", `the bucket of large bodies cannot be used now, ${help}`, { cause });
	} finally {
		clearTimeout(timer);
	}
}
