import {
	chmodSync,
	closeSync,
	copyFileSync,
	existsSync,
	fsyncSync,
	mkdirSync,
	mkdtempSync,
	openSync,
	readdirSync,
	renameSync,
	rmSync,
	statSync,
} from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { placeOfAppSecret } from "../core/places.ts";
import { blobsOf } from "./blobs.ts";
import { copyBlobs } from "./copy-blobs.ts";
import { Refused } from "./refused.ts";
import { keyFileOf, openSecretbox, type SqliteFile } from "./secrets.ts";

export interface Backup {
	folder: string;
	database: string;
	/** Null where the master key comes from the settings: it is to be kept apart. */
	key: string | null;
	bytes: number;
	/** By table. */
	rows: Record<string, number>;
	/** Large bodies that the rows name: in the backup, and of the database that the service itself has lost. */
	blobs: number;
	lost_blobs: number;
}

/**
 * Copies the database, as it is at one moment, with its large bodies and the master key into a new folder; a service may run
 * meanwhile. The folder appears when everything in it was verified and is on disk, or not at all. `tell` hears of each step.
 */
export function backup(config: SqliteFile, into: string, tell: (step: string) => void): Backup {
	const folder = path.resolve(into);
	if (existsSync(folder) && !(statSync(folder).isDirectory() && readdirSync(folder).length === 0))
		throw new Refused(`${folder} is there already: a backup goes into a new folder`);
	mkdirSync(path.dirname(folder), { recursive: true });
	const staging = mkdtempSync(`${folder}.partial-`); // for its owner alone
	try {
		const name = path.basename(config.databasePath);
		const database = path.join(staging, name);
		const copyBodies = (namedIn: string) => copyBlobs(namedIn, blobsOf(config.databasePath), blobsOf(database));
		// before the rows, for one that goes meanwhile takes its body with it; and after them, for those that have come
		tell("copying large bodies");
		copyBodies(config.databasePath);
		const rows = copyDatabase(config.databasePath, database, tell);
		tell("checking large bodies");
		const { found, lost, bytes: bodies } = copyBodies(database);
		const keyFile = config.masterKeys === undefined ? keyFileOf(config.databasePath) : null;
		if (keyFile !== null) copyPrivately(keyFile, keyFileOf(database));
		tell("opening its secrets");
		checkSecrets({ masterKeys: config.masterKeys, databasePath: database });
		const bytes = statSync(database).size + bodies;
		sync(staging);
		renameSync(staging, folder); // fails on a folder that was filled meanwhile
		sync(path.dirname(folder));
		const at = path.join(folder, name);
		return { folder, database: at, key: keyFile && keyFileOf(at), bytes, rows, blobs: found, lost_blobs: lost };
	} finally {
		rmSync(staging, { recursive: true, force: true });
	}
}

function copyDatabase(from: string, to: string, tell: (step: string) => void): Record<string, number> {
	const source = new Database(from, { readonly: true, fileMustExist: true });
	try {
		tell("counting");
		const before = look(source);
		tell(`copying ${megabytes(statSync(from).size)}`);
		source.prepare("VACUUM INTO ?").run(to);
		chmodSync(to, 0o600);
		tell("checking the copy");
		const rows = check(to, before, look(source));
		sync(to);
		return rows;
	} finally {
		source.close();
	}
}

/** How much there is of each table, and up to which row: what comes later has a higher one. */
type Look = Map<string, { rows: number; last: number }>;

function look(db: Database.Database): Look {
	const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").pluck().all() as string[];
	return db.transaction(() => {
		const seen = tables.map((table) => {
			const found = db.prepare(`SELECT count(*) AS rows, coalesce(max(rowid), 0) AS last FROM "${table}"`).get();
			return [table, found as { rows: number; last: number }] as const;
		});
		return new Map(seen);
	})();
}

/** The copy is whole, and holds of each table what was there at some moment between the two looks. */
function check(file: string, before: Look, after: Look): Record<string, number> {
	const copy = new Database(file, { readonly: true });
	try {
		const verdict = copy.pragma("integrity_check", { simple: true });
		if (verdict !== "ok") throw new Refused(`the copy is damaged and was removed: ${String(verdict)}`);
		const found = look(copy);
		for (const [table, was] of before) {
			const is = after.get(table) ?? was;
			const added = Math.max(0, is.last - was.last);
			const removed = Math.max(0, was.rows + added - is.rows);
			const rows = found.get(table)?.rows ?? -1;
			if (rows < was.rows - removed || rows > was.rows + added)
				throw new Refused(`the copy has ${rows} rows of ${table} where ${was.rows} were, and was removed: run it again`);
		}
		return Object.fromEntries([...found].map(([table, { rows }]) => [table, rows]));
	} finally {
		copy.close();
	}
}

/** Without the master key that sealed them a copy's secrets are lost. */
function checkSecrets(config: SqliteFile): void {
	const copy = new Database(config.databasePath, { readonly: true });
	try {
		const apps = copy.prepare<[], { id: string; sealed: string }>("SELECT id, callback_secret AS sealed FROM apps").all();
		const secrets = openSecretbox(config);
		for (const { id, sealed } of apps) secrets.open(sealed, placeOfAppSecret(id));
	} catch (e) {
		throw new Refused(`the master key does not open the secrets of this database: ${(e as Error).message}`);
	} finally {
		copy.close();
	}
}

function copyPrivately(from: string, to: string): void {
	copyFileSync(from, to);
	chmodSync(to, 0o600);
	sync(to);
}

function sync(file: string): void {
	const handle = openSync(file, "r");
	fsyncSync(handle);
	closeSync(handle);
}

const megabytes = (bytes: number) => `${(bytes / 1_048_576).toFixed(1)} MiB`;
