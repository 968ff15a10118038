import { readFileSync } from "node:fs";
import path from "node:path";
import type Database from "better-sqlite3";
import { type MigrationMeta, readMigrationFiles } from "drizzle-orm/migrator";

/** drizzle's own record, so that its tools read the file too. */
const LOG = "__drizzle_migrations";
const WAIT_MS = 30_000;

/** What the database has been through is not what this version knows: it is left alone. */
export class UnfitDatabase extends Error {}

type Migration = MigrationMeta & { name: string };

/**
 * Brings the database to this code's schema. One write transaction over all of it: of two processes that start together,
 * one migrates and the other waits and finds nothing to do. Returns how many migrations were applied.
 */
export function migrateSqlite(db: Database.Database, folder: string): number {
	const migrations = read(folder);
	const before = Number(db.pragma("busy_timeout", { simple: true }));
	db.pragma(`busy_timeout = ${WAIT_MS}`);
	try {
		return db.transaction(() => apply(db, migrations)).immediate();
	} finally {
		db.pragma(`busy_timeout = ${before}`);
	}
}

function read(folder: string): Migration[] {
	const journal = JSON.parse(readFileSync(path.join(folder, "meta/_journal.json"), "utf8")) as { entries: { when: number; tag: string }[] };
	const names = new Map(journal.entries.map(({ when, tag }) => [when, tag]));
	return readMigrationFiles({ migrationsFolder: folder }).map((meta) => ({ ...meta, name: names.get(meta.folderMillis) ?? "?" }));
}

function apply(db: Database.Database, migrations: Migration[]): number {
	db.exec(`CREATE TABLE IF NOT EXISTS ${LOG} (id INTEGER PRIMARY KEY AUTOINCREMENT, hash text NOT NULL, created_at numeric)`);
	const applied = new Map(
		db
			.prepare<[], { hash: string; at: number }>(`SELECT hash, created_at AS at FROM ${LOG}`)
			.all()
			.map(({ hash, at }) => [Number(at), hash]),
	);
	compare(applied, migrations);
	const due = migrations.filter((m) => !applied.has(m.folderMillis));
	const log = db.prepare(`INSERT INTO ${LOG} (hash, created_at) VALUES (?, ?)`);
	for (const migration of due) {
		for (const statement of migration.sql) db.exec(statement);
		log.run(migration.hash, migration.folderMillis);
	}
	return due.length;
}

/** `applied`: hash by the time a migration was written. What was applied must be this version's first ones, to the letter. */
function compare(applied: ReadonlyMap<number, string>, migrations: Migration[]): void {
	const last = Math.max(0, ...applied.keys());
	if (last > (migrations.at(-1)?.folderMillis ?? 0))
		throw new UnfitDatabase(
			"the database is newer than this jobhook: start the version that wrote it, or restore a backup made before the upgrade",
		);
	const known = new Set(migrations.map(({ folderMillis }) => folderMillis));
	for (const { name, folderMillis, hash } of migrations) {
		const found = applied.get(folderMillis);
		if (found !== undefined && found !== hash)
			throw new UnfitDatabase(`the migration ${name} was changed after it was applied to this database: restore it as it was`);
		if (found === undefined && folderMillis < last)
			throw new UnfitDatabase(
				`the migration ${name} was never applied to this database, and later ones were: restore a backup made before them`,
			);
	}
	if ([...applied.keys()].some((when) => !known.has(when)))
		throw new UnfitDatabase("the database has a migration that this jobhook does not know: start the version that wrote it");
}
