import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import path from "node:path";
import { type Blobs, readBlobKey } from "../core/blobs.ts";
import { JobhookError } from "../errors.ts";

/** So many characters of a name make its folder: `job_` and 17 minutes of its time. Folders in order hold keys in order. */
const FOLDER_LENGTH = 11;
/** A name that a crash left half-written goes when it is passed by; one that is being written is never this old. */
const PARTIAL = ".partial";
const PARTIAL_MAX_AGE_MS = 86_400_000;
/** A folder may go, empty, between its making and its first file. */
const TRIES = 10;

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
	async function write(key: string, bytes: Uint8Array): Promise<void> {
		const { folder, file } = placeOf(root, key);
		const partial = `${file}.${randomUUID()}${PARTIAL}`;
		await mkdir(folder, { recursive: true, mode: 0o700 });
		try {
			const handle = await open(partial, "wx", 0o600);
			await handle
				.writeFile(bytes)
				.then(() => handle.sync())
				.finally(() => handle.close());
			await rename(partial, file);
		} catch (e) {
			await rm(partial, { force: true }).catch(() => {}); // on a full disk, too, the first error says more
			throw e;
		}
		// each of these may be new, made by us or just now by another process
		for (const made of [folder, path.dirname(folder), root, path.dirname(root)]) await sync(made);
	}

	return {
		async put(key, bytes) {
			for (let left = TRIES; ; left--) {
				try {
					return await write(key, bytes);
				} catch (e) {
					if (left === 1 || codeOf(e) !== "ENOENT") throw refusal(e);
				}
			}
		},
		async get(key) {
			try {
				return await readFile(placeOf(root, key).file);
			} catch (e) {
				if (codeOf(e) === "ENOENT") return null;
				throw refusal(e);
			}
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
				throw refusal(e);
			}
		},
	};
}

async function sync(folder: string): Promise<void> {
	const handle = await open(folder, "r");
	await handle.sync().finally(() => handle.close());
}

/** In order; none where there is no such folder. */
async function namesIn(folder: string): Promise<string[]> {
	try {
		return (await readdir(folder)).sort();
	} catch (e) {
		if (codeOf(e) === "ENOENT") return [];
		throw refusal(e);
	}
}

async function dropPartials(folder: string, names: readonly string[]): Promise<void> {
	for (const name of names.filter((one) => one.endsWith(PARTIAL))) {
		const made = await stat(path.join(folder, name)).catch(() => null); // its writer may have finished
		if (made !== null && Date.now() - made.mtimeMs > PARTIAL_MAX_AGE_MS) await rm(path.join(folder, name), { force: true });
	}
}

const codeOf = (e: unknown): unknown => (e as { code?: unknown }).code;

const HELP: Record<string, string> = {
	ENOSPC: "its disk is full: the operator frees space",
	EDQUOT: "its disk quota is used up: the operator raises it",
	EROFS: "its disk is read-only: the operator mounts it writable",
	EACCES: "the service has no right to it: the operator gives it back",
	EPERM: "the service has no right to it: the operator gives it back",
	EMFILE: "the service has too many files open: the operator raises its limit",
};

/** Whatever the file system refuses can be asked for again. Anything else is a broken promise of ours. */
function refusal(e: unknown): unknown {
	const code = codeOf(e);
	if (typeof code !== "string" || !("syscall" in (e as object))) return e;
	return new JobhookError("unavailable", `the folder of large bodies cannot be used now, nothing was written; ${HELP[code] ?? code}`, {
		cause: e,
	});
}
