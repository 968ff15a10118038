import Database from "better-sqlite3";
import type { Bound, Db, Stmt } from "../db/db.ts";
import { GroupCommit } from "./group.ts";
import { sqliteError } from "./sqlite-error.ts";

/** Several milliseconds freeze the whole process, so SQLite itself waits this long and `GroupCommit` the rest. */
const BUSY_TIMEOUT_MS = 50;

export interface SqliteDb extends Db {
	/** The connection itself, for the edge's own work: migrations, backup, pragmas in tests. */
	readonly raw: Database.Database;
}

export function openSqlite(path: string, options: { busyRetryMs?: number } = {}): SqliteDb {
	const raw = new Database(path, { timeout: BUSY_TIMEOUT_MS });
	raw.pragma("journal_mode = WAL");
	raw.pragma("synchronous = FULL");
	const prepared = new Map<string, Database.Statement<unknown[], unknown[]>>();

	const prepare = (sql: string) => {
		let statement = prepared.get(sql);
		if (statement === undefined) {
			statement = raw.prepare<unknown[], unknown[]>(sql);
			if (statement.reader) statement.raw(true);
			prepared.set(sql, statement);
		}
		return statement;
	};
	const run = ({ stmt, params }: Bound<unknown>): unknown[] => {
		const statement = prepare(stmt.sql);
		if (statement.reader) return (stmt as Stmt<never, unknown>).map(statement.all(params));
		statement.run(params);
		return [];
	};
	const group = new GroupCommit(raw, run, options.busyRetryMs);

	return {
		dialect: "sqlite",
		raw,
		async read<Row>(query: Bound<Row>) {
			try {
				return run(query) as Row[];
			} catch (e) {
				throw sqliteError(e);
			}
		},
		batch: (work) => group.add(work) as Promise<never>,
		async close() {
			await group.idle();
			raw.close();
		},
	};
}
