import { type BlobKind, blobKey } from "../core/blobs.ts";
import { fits } from "../db/row.ts";
import type { Deps } from "../deps.ts";

/** A text of more bytes is kept as a blob: D1 refuses a row of two million, and a database that is small is quick. */
const INLINE_MAX_BYTES = 65_536;

export const isLong = (text: string): boolean => !fits(text, INLINE_MAX_BYTES);

/**
 * Keeps a text that is too long for the row of its job. Resolves when it is on disk, with the key that the row must name;
 * with null where the row can hold the text. Throws `unavailable`.
 */
export async function keepLong(
	{ blobs, clock, log }: Pick<Deps, "blobs" | "clock" | "log">,
	kind: BlobKind,
	job: { id: string; appId: string },
	text: string,
): Promise<string | null> {
	if (!isLong(text)) return null;
	const key = blobKey(kind, { id: job.id, app: job.appId }, clock.now());
	try {
		await blobs.put(key, new TextEncoder().encode(text));
	} catch (e) {
		log.error({ job: job.id, blob: key, err: e }, "blob.not_kept");
		throw e;
	}
	return key;
}

/** Null: it is gone. Throws `unavailable`. */
export async function readLong({ blobs, log }: Pick<Deps, "blobs" | "log">, key: string): Promise<string | null> {
	let bytes: Uint8Array | null;
	try {
		bytes = await blobs.get(key);
	} catch (e) {
		log.error({ blob: key, err: e }, "blob.not_read");
		throw e;
	}
	if (bytes === null) log.error({ blob: key }, "blob.gone");
	return bytes === null ? null : new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }).decode(bytes);
}

/** What a job is to be run with. Null: it is gone, or what is there is not what was kept. Throws `unavailable`. */
export async function inputOf(
	deps: Pick<Deps, "blobs" | "log">,
	row: { input: string; inputBlob: string | null },
): Promise<Record<string, unknown> | null> {
	const text = row.inputBlob === null ? row.input : await readLong(deps, row.inputBlob);
	try {
		return text === null ? null : (JSON.parse(text) as Record<string, unknown>);
	} catch (e) {
		deps.log.error({ blob: row.inputBlob, err: e }, "blob.damaged");
		return null;
	}
}
