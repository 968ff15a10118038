import { chmodSync, closeSync, constants, copyFileSync, existsSync, fsyncSync, mkdirSync, openSync, statSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { placeOf } from "./blobs.ts";
import { Refused } from "./refused.ts";

const NAMED = [
	"SELECT rowid AS place, input_blob AS key FROM jobs WHERE input_blob IS NOT NULL AND rowid > ? ORDER BY rowid LIMIT 1000",
	"SELECT rowid AS place, content_blob AS key FROM results WHERE content_blob IS NOT NULL AND rowid > ? ORDER BY rowid LIMIT 1000",
	"SELECT rowid AS place, blob AS key FROM files WHERE rowid > ? ORDER BY rowid LIMIT 1000",
	`SELECT used.rowid AS place, used.blob AS key FROM job_files used JOIN jobs ON jobs.id = used.job_id
	WHERE jobs.ended_at IS NULL AND used.rowid > ? ORDER BY used.rowid LIMIT 1000`,
];

/**
 * Copies the blobs that the rows of a database name; those that are there already stay as they are. When it returns they are
 * on disk. `lost`: the service has not got them either.
 */
export function copyBlobs(database: string, from: string, to: string): { found: number; lost: number; bytes: number } {
	const folders = new Set<string>();
	let [found, lost, bytes] = [0, 0, 0];
	const db = new Database(database, { readonly: true, fileMustExist: true });
	try {
		for (const key of keysIn(db)) {
			const [source, target] = [placeOf(from, key), placeOf(to, key)];
			if (!existsSync(target.file) && !copyOne(source.file, target)) {
				lost++;
				continue;
			}
			folders.add(target.folder);
			found++;
			bytes += statSync(target.file).size;
		}
	} finally {
		db.close();
	}
	const above = [...folders].map((folder) => path.dirname(folder));
	for (const folder of new Set([...folders, ...above, ...(folders.size > 0 ? [to] : [])])) sync(folder);
	return { found, lost, bytes };
}

/** In pieces, so that no read keeps the service's log from being taken into its database. */
function* keysIn(db: Database.Database): Generator<string> {
	for (const text of NAMED) {
		const page = db.prepare<[number], { place: number; key: string }>(text);
		for (let rows = page.all(0); rows.length > 0; rows = page.all(rows.at(-1)?.place ?? 0)) for (const { key } of rows) yield key;
	}
}

/** False: there is none. */
function copyOne(source: string, { folder, file }: { folder: string; file: string }): boolean {
	if (!existsSync(source)) return false;
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	try {
		copyFileSync(source, file, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
	} catch (e) {
		if ((e as NodeJS.ErrnoException).code === "ENOENT") return false;
		throw e;
	}
	const size = statSync(source, { throwIfNoEntry: false })?.size ?? null; // it may have gone with its row meanwhile
	if (size !== null && size !== statSync(file).size)
		throw new Refused("a large body was not copied whole, and the copy was removed: run it again");
	chmodSync(file, 0o600);
	sync(file);
	return true;
}

function sync(file: string): void {
	const handle = openSync(file, "r");
	fsyncSync(handle);
	closeSync(handle);
}
