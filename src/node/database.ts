import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import path from "node:path";
import { migrateSqlite } from "./migrate.ts";
import { ROOT } from "./root.ts";
import { openSecretbox, type SqliteFile } from "./secrets.ts";
import { openSqlite, type SqliteDb } from "./sqlite.ts";

export const MIGRATIONS = path.join(ROOT, "migrations/sqlite");

/** Opens the database of a file and brings it to this code's schema. */
export const openDatabase = (file: Pick<SqliteFile, "databasePath"> & Partial<SqliteFile>): SqliteDb => openMigrated(file).db;

/** The same; `applied`: how many migrations that took. */
export function openMigrated(file: Pick<SqliteFile, "databasePath"> & Partial<SqliteFile>): { db: SqliteDb; applied: number } {
	const { databasePath } = file;
	mkdirSync(path.dirname(databasePath), { recursive: true });
	// the key comes first: where there is a database there is a key, also for one who looks in between
	if (!existsSync(databasePath)) openSecretbox({ masterKeys: undefined, ...file });
	closeSync(openSync(databasePath, "a", 0o600)); // prompts and results are for their owner alone
	const db = openSqlite(databasePath);
	try {
		return { db, applied: migrateSqlite(db.raw, MIGRATIONS) };
	} catch (e) {
		db.raw.close();
		throw e;
	}
}
