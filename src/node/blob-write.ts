import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import path from "node:path";
import { blobError, codeOf } from "./blob-error.ts";

/** A name that a crash left half-written goes when it is passed by; one that is being written is never this old. */
export const PARTIAL = ".partial";
/** A folder may go, empty, between its making and its first file, as often as somebody deletes then. */
const TRIES = 100;

type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Makes a file below `root`, whole and on disk, or none. What `chunks` throws is thrown on; what the file system throws, as `unavailable`. */
export async function writeBlob(root: string, { folder, file }: { folder: string; file: string }, chunks: Chunks): Promise<void> {
	const partial = `${file}.${randomUUID()}${PARTIAL}`;
	const source = watched(chunks);
	try {
		const handle = await openIn(folder, partial);
		try {
			await handle
				.writeFile(source.chunks())
				.then(() => handle.sync())
				.finally(() => handle.close());
			await rename(partial, file); // its folder stays while it is there
		} catch (e) {
			await rm(partial, { force: true }).catch(() => {}); // on a full disk, too, the first error says more
			throw e;
		}
		// each of these may be new, made by us or just now by another process
		for (const made of [folder, path.dirname(folder), root, path.dirname(root)]) await sync(made);
	} catch (e) {
		throw source.threw() ? e : blobError(e);
	}
}

/** Nothing of the chunks is read before there is a file for them: they come once. */
async function openIn(folder: string, partial: string): Promise<FileHandle> {
	for (let left = TRIES; ; left--) {
		try {
			await mkdir(folder, { recursive: true, mode: 0o700 });
			return await open(partial, "wx", 0o600);
		} catch (e) {
			if (left === 1 || codeOf(e) !== "ENOENT") throw e;
		}
	}
}

/** Whether it was they that broke is not to be seen from an error: they may come from a file or a socket. */
function watched(chunks: Chunks) {
	let threw = false;
	return {
		threw: () => threw,
		async *chunks() {
			try {
				yield* chunks;
			} catch (e) {
				threw = true;
				throw e;
			}
		},
	};
}

async function sync(folder: string): Promise<void> {
	const handle = await open(folder, "r");
	await handle.sync().finally(() => handle.close());
}
