import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { readMigrationFiles } from "drizzle-orm/migrator";
import type postgres from "postgres";
import { MIGRATIONS } from "./database.ts";
import { UnfitDatabase } from "./migrate.ts";
import { Refused } from "./refused.ts";
import { keepsItsKey, type SqliteFile } from "./secrets.ts";

/**
 * Throws unless the database of a file is there, is jobhook's, has this code's schema, and its secrets can be opened.
 * Looks without writing: a command that runs in another folder leaves nothing behind.
 */
export function mustExist(config: SqliteFile): void {
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

/** The same for a database on a PostgreSQL server. `folder`: the migrations of this code. */
export async function mustExistOn(sql: postgres.Sql, name: string, folder: string): Promise<void> {
	const [found] = await sql<{ log: string | null; ours: string | null }[]>`
		SELECT to_regclass('jobhook_migrations') AS log, to_regclass('submissions') AS ours`;
	if (found?.log == null || found.ours === null)
		throw new Refused(`${name} has no tables of jobhook: set DATABASE_URL to the service's, or make them with \`jobhook migrate\``);
	const [row] = await sql<{ last: string | null }[]>`SELECT max(name) AS last FROM jobhook_migrations`;
	const last = row?.last ?? "";
	const newest = readdirSync(folder)
		.filter((file) => file.endsWith(".sql"))
		.map((file) => path.basename(file, ".sql"))
		.sort()
		.at(-1);
	if (last > (newest ?? "")) throw new UnfitDatabase(`${name} is newer than this jobhook: use the version that wrote it`);
	if (last < (newest ?? "")) throw new Refused(`${name} is older than this jobhook: bring it up with \`jobhook migrate\``);
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
