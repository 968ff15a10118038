import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { MIGRATIONS } from "../../src/node/database.ts";
import { migrateSqlite } from "../../src/node/migrate.ts";
import { openSqlite, type SqliteDb } from "../../src/node/sqlite.ts";

/** A real SQLite file of its own, migrated; `close` removes it. */
export function freshSqlite(options?: Parameters<typeof openSqlite>[1]): SqliteDb & { file: string } {
	const folder = mkdtempSync(path.join(os.tmpdir(), "jobhook-test-"));
	const file = path.join(folder, "jobhook.db");
	const db = openSqlite(file, options);
	migrateSqlite(db.raw, MIGRATIONS);
	const close = async () => {
		await db.close();
		rmSync(folder, { recursive: true, force: true });
	};
	return { ...db, file, close };
}
