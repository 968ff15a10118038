import { uuid7Hex } from "./ids.ts";

/** What a blob is. A key begins with it, so that each kind can be walked alone. */
export type BlobKind = "inputs" | "results" | "files";

/** Bytes from `start` up to and with `end`, both counted from 0. */
export interface ByteRange {
	start: number;
	end: number;
}

/**
 * Large bodies, beside the database. A blob is put before the row that names it and deleted after that row is gone; a key is
 * never put twice. Every call rejects with `unavailable` while the store cannot take or give it.
 */
export interface Blobs {
	/** Resolves when it is on disk: then a row may name it. After a rejection there is no half of it. */
	put(key: string, bytes: Uint8Array): Promise<void>;
	/** The same for bytes that come piece by piece and are never all in memory. What `chunks` throws is thrown on. */
	write(key: string, chunks: AsyncIterable<Uint8Array>): Promise<void>;
	/** Null: there is none. */
	get(key: string): Promise<Uint8Array | null>;
	/** The same piece by piece, all of it or a range within it. Iterated once; leaving early lets go of it. */
	read(key: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array> | null>;
	/** The keys of a kind behind `after` in the order of their bytes; fewer than `limit` are the last. */
	list(kind: BlobKind, after: string, limit: number): Promise<string[]>;
	/** One that is not there is deleted. */
	delete(keys: readonly string[]): Promise<void>;
}

/** Kind, the row that names it, that row's app, and an id of its own: `inputs/job_….app_….…`. */
export const blobKey = (kind: BlobKind, row: { id: string; app: string }, nowMs: number): string =>
	`${kind}/${row.id}.${row.app}.${uuid7Hex(nowMs)}`;

const KEY = /^([a-z]+)\/([a-z]+_([0-9a-f]{12})[0-9a-f]{20})\.(app_[0-9a-f]{32})\.([0-9a-f]{12})[0-9a-f]{20}$/;

export interface BlobName {
	key: string;
	kind: string;
	row: string;
	app: string;
	/** When the row was made, and when the blob was put; keys are in the order of the first. */
	rowAt: number;
	putAt: number;
}

/** Null: not a key of ours. */
export function readBlobKey(key: string): BlobName | null {
	const [, kind = "", row = "", rowAt = "", app = "", putAt = ""] = KEY.exec(key) ?? [];
	return kind === "" ? null : { key, kind, row, app, rowAt: Number.parseInt(rowAt, 16), putAt: Number.parseInt(putAt, 16) };
}
