import type Database from "better-sqlite3";
import { type MigrationMeta, readMigrationFiles } from "drizzle-orm/migrator";

/** drizzle's own record, so that its tools read the file too. */
const LOG = "__drizzle_migrations";
const WAIT_MS = 30_000;

export class NewerDatabase extends Error {}

/**
 * Brings the database to this code's schema. One write transaction over all of it: of two processes that start together,
 * one migrates and the other waits and finds nothing to do. Returns how many migrations were applied.
 */
export function migrateSqlite(db: Database.Database, folder: string): number {
	const migrations = readMigrationFiles({ migrationsFolder: folder });
	const before = Number(db.pragma("busy_timeout", { simple: true }));
	db.pragma(`busy_timeout = ${WAIT_MS}`);
	try {
		return db.transaction(() => apply(db, migrations)).immediate();
	} finally {
		db.pragma(`busy_timeout = ${before}`);
	}
}

function apply(db: Database.Database, migrations: MigrationMeta[]): number {
	db.exec(`CREATE TABLE IF NOT EXISTS ${LOG} (id INTEGER PRIMARY KEY AUTOINCREMENT, hash text NOT NULL, created_at numeric)`);
	const last = Number(db.prepare(`SELECT coalesce(max(created_at), 0) FROM ${LOG}`).pluck().get());
	if (last > (migrations.at(-1)?.folderMillis ?? 0))
		throw new NewerDatabase(
			"the database is newer than this jobhook: start the version that wrote it, or restore a backup made before the upgrade",
		);
	const due = migrations.filter((m) => m.folderMillis > last);
	const log = db.prepare(`INSERT INTO ${LOG} (hash, created_at) VALUES (?, ?)`);
	for (const migration of due) {
		for (const statement of migration.sql) db.exec(statement);
		log.run(migration.hash, migration.folderMillis);
	}
	return due.length;
}
