import { existsSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { readMigrationFiles } from "drizzle-orm/migrator";
import type { Config } from "../config.ts";
import { MIGRATIONS } from "./database.ts";
import { UnfitDatabase } from "./migrate.ts";
import { Refused } from "./refused.ts";
import { keepsItsKey } from "./secrets.ts";

/**
 * Throws unless the database of the settings is there, is jobhook's, has this code's schema, and its secrets can be opened.
 * Looks without writing: a command that runs in another folder leaves nothing behind.
 */
export function mustExist(config: Pick<Config, "databasePath" | "masterKeys">): void {
	const file = path.resolve(config.databasePath);
	if (!existsSync(file))
		throw new Refused(`no database at ${file}: set DATABASE_URL to the service's, or make one here with \`jobhook migrate\``);
	const last = lastMigration(file);
	const newest = readMigrationFiles({ migrationsFolder: MIGRATIONS }).at(-1)?.folderMillis ?? 0;
	if (last === null) throw new Refused(`${file} is not a database of jobhook`);
	if (last > newest) throw new UnfitDatabase(`${file} is newer than this jobhook: use the version that wrote it`);
	if (last < newest) throw new Refused(`${file} is older than this jobhook: bring it up with \`jobhook migrate\``);
	keepsItsKey(config);
}

/** When its last migration was written, epoch milliseconds; null when it has none of ours. */
function lastMigration(file: string): number | null {
	let db: Database.Database | undefined;
	try {
		db = new Database(file, { readonly: true, fileMustExist: true });
		db.prepare("SELECT id FROM submissions LIMIT 0"); // another program's migrations are not ours
		return db.prepare("SELECT max(created_at) FROM __drizzle_migrations").pluck().get() as number | null;
	} catch (e) {
		if (/no such table|not a database/.test((e as Error).message)) return null;
		throw e;
	} finally {
		db?.close();
	}
}
