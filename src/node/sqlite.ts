import { statSync } from "node:fs";
import Database from "better-sqlite3";
import type { Bound, Db, Stmt } from "../db/db.ts";
import { GroupCommit } from "./group.ts";
import { sqliteError } from "./sqlite-error.ts";

/** For reads, which are hardly ever refused. It freezes the whole process: writes wait in `GroupCommit` instead. */
const BUSY_TIMEOUT_MS = 50;
/** The pages that a job's way touches stay in memory, and one checkpoint is shared by many commits. */
const CACHE_KIB = 65_536;
const CHECKPOINT_PAGES = 8000;
const OPEN_WAIT_MS = 30_000;

export interface SqliteDb extends Db {
	/** The connection itself, for the edge's own work: migrations, backup, pragmas in tests. */
	readonly raw: Database.Database;
}

export function openSqlite(path: string, options: { busyRetryMs?: number } = {}): SqliteDb {
	const raw = new Database(path, { timeout: BUSY_TIMEOUT_MS });
	switchToWal(raw);
	raw.pragma("synchronous = FULL");
	raw.pragma(`cache_size = -${CACHE_KIB}`);
	raw.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
	raw.pragma("temp_store = MEMORY");
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
	const group = new GroupCommit(raw, run, stillThere(path), options.busyRetryMs);

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

/** Of two processes that open a new file together SQLite refuses one this switch at once, whatever its busy timeout. */
function switchToWal(db: Database.Database): void {
	const until = performance.now() + OPEN_WAIT_MS;
	for (;;) {
		try {
			db.pragma("journal_mode = WAL");
			return;
		} catch (e) {
			if ((e as { code?: string }).code !== "SQLITE_BUSY" || performance.now() > until) throw e;
			Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
		}
	}
}

/** SQLite goes on writing to a file that was deleted or replaced; nobody would ever read it again. */
function stillThere(path: string): () => void {
	const inode = () => statSync(path, { throwIfNoEntry: false })?.ino;
	const opened = inode();
	return () => {
		if (inode() !== opened) throw new Error(`${path} is no longer the file that was opened`);
	};
}
