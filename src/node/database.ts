import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import path from "node:path";
import type { Config } from "../config.ts";
import { migrateSqlite } from "./migrate.ts";
import { ROOT } from "./root.ts";
import { openSecretbox } from "./secrets.ts";
import { openSqlite, type SqliteDb } from "./sqlite.ts";

export const MIGRATIONS = path.join(ROOT, "migrations/sqlite");

/** Opens the database of the settings and brings it to this code's schema. */
export function openDatabase(config: Pick<Config, "databasePath"> & Partial<Pick<Config, "masterKeys">>): SqliteDb {
	mkdirSync(path.dirname(config.databasePath), { recursive: true });
	// the key comes first: where there is a database there is a key, also for one who looks in between
	if (!existsSync(config.databasePath)) openSecretbox({ masterKeys: undefined, ...config });
	closeSync(openSync(config.databasePath, "a", 0o600)); // prompts and results are for their owner alone
	const db = openSqlite(config.databasePath);
	try {
		migrateSqlite(db.raw, MIGRATIONS);
		return db;
	} catch (e) {
		db.raw.close();
		throw e;
	}
}
