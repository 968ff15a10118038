import { createReadStream } from "node:fs";
import { readdir, readFile, rm, rmdir, stat } from "node:fs/promises";
import path from "node:path";
import { type Blobs, type ByteRange, readBlobKey } from "../core/blobs.ts";
import { blobError, codeOf } from "./blob-error.ts";
import { PARTIAL, writeBlob } from "./blob-write.ts";

/** So many characters of a name make its folder: `job_` and 17 minutes of its time, `file_` and some hours. Folders in order hold keys in order. */
const FOLDER_LENGTH = 11;
const PARTIAL_MAX_AGE_MS = 86_400_000;

/** Where the blobs of a database are: beside it, so that two databases in one folder have their own. */
export const blobsOf = (databasePath: string): string => `${databasePath}.blobs`;

/** The place of a key below `root`. A key comes from a row: what is not one of ours is never made a path. */
export function placeOf(root: string, key: string): { folder: string; file: string } {
	const kind = readBlobKey(key)?.kind;
	if (kind === undefined) throw new Error("this is no key of a blob");
	const name = key.slice(kind.length + 1);
	const folder = path.join(root, kind, name.slice(0, FOLDER_LENGTH));
	return { folder, file: path.join(folder, name) };
}

/** Blobs as files below a folder, which is made at the first put. Their names are for their owner alone, like what is in them. */
export function openBlobs(root: string): Blobs {
	return {
		async put(key, bytes) {
			await writeBlob(root, placeOf(root, key), [bytes]);
		},
		async write(key, chunks) {
			await writeBlob(root, placeOf(root, key), chunks);
		},
		async get(key) {
			try {
				return await readFile(placeOf(root, key).file);
			} catch (e) {
				if (codeOf(e) === "ENOENT") return null;
				throw blobError(e);
			}
		},
		async read(key, range) {
			const { file } = placeOf(root, key);
			try {
				await stat(file);
			} catch (e) {
				if (codeOf(e) === "ENOENT") return null;
				throw blobError(e);
			}
			return chunksOf(file, range);
		},
		async list(kind, after, limit) {
			const start = after.slice(kind.length + 1, kind.length + 1 + FOLDER_LENGTH);
			const keys: string[] = [];
			for (const folder of (await namesIn(path.join(root, kind))).filter((name) => name >= start)) {
				const names = await namesIn(path.join(root, kind, folder));
				await dropPartials(path.join(root, kind, folder), names);
				keys.push(...names.map((name) => `${kind}/${name}`).filter((key) => key > after && readBlobKey(key) !== null));
				if (keys.length >= limit) break;
			}
			return keys.slice(0, limit);
		},
		async delete(keys) {
			try {
				const places = keys.map((key) => placeOf(root, key));
				for (const { file } of places) await rm(file, { force: true });
				for (const folder of new Set(places.map((place) => place.folder))) await rmdir(folder).catch(() => {}); // others are in it
			} catch (e) {
				throw blobError(e);
			}
		},
	};
}

/** Opened with the first chunk, so that one that nobody iterates holds no file open. */
async function* chunksOf(file: string, range: ByteRange | undefined): AsyncGenerator<Uint8Array, void, undefined> {
	try {
		yield* createReadStream(file, range); // leaving the loop destroys the stream
	} catch (e) {
		throw blobError(e);
	}
}

/** In order; none where there is no such folder. */
async function namesIn(folder: string): Promise<string[]> {
	try {
		return (await readdir(folder)).sort();
	} catch (e) {
		if (codeOf(e) === "ENOENT") return [];
		throw blobError(e);
	}
}

async function dropPartials(folder: string, names: readonly string[]): Promise<void> {
	for (const name of names.filter((one) => one.endsWith(PARTIAL))) {
		const made = await stat(path.join(folder, name)).catch(() => null); // its writer may have finished
		if (made !== null && Date.now() - made.mtimeMs > PARTIAL_MAX_AGE_MS) await rm(path.join(folder, name), { force: true });
	}
}
