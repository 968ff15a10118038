import type Database from "better-sqlite3";
import type { Bound } from "../db/db.ts";
import { JobhookError } from "../errors.ts";
import { sqliteError } from "./sqlite-error.ts";

const MAX_BATCHES = 256;
const MAX_TURN_MS = 8;
const RETRY_EVERY_MS = 25;

interface Waiting {
	work: readonly Bound<unknown>[];
	since: number;
	resolve(rows: unknown[][]): void;
	reject(e: unknown): void;
}
type Outcome = { batch: Waiting; rows: unknown[][] } | { batch: Waiting; error: unknown };

/**
 * Group commit: batches that wait together run from BEGIN to COMMIT in one synchronous turn, each behind a savepoint, and
 * share one fsync. No promise settles before COMMIT. One batch's failure stays its own, unless SQLite ended the whole
 * transaction (disk full, I/O error): then all that ran in this turn are `unavailable` and the rest wait for the next.
 */
export class GroupCommit {
	readonly #db: Database.Database;
	readonly #run: (bound: Bound<unknown>) => unknown[];
	readonly #busyRetryMs: number;
	readonly #queue: Waiting[] = [];
	readonly #sql: Record<"begin" | "commit" | "rollback" | "save" | "release" | "undo", Database.Statement>;
	#scheduled = false;
	#whenIdle: (() => void)[] = [];

	constructor(db: Database.Database, run: (bound: Bound<unknown>) => unknown[], busyRetryMs = 2000) {
		this.#db = db;
		this.#run = run;
		this.#busyRetryMs = busyRetryMs;
		this.#sql = {
			begin: db.prepare("BEGIN IMMEDIATE"),
			commit: db.prepare("COMMIT"),
			rollback: db.prepare("ROLLBACK"),
			save: db.prepare("SAVEPOINT batch"),
			release: db.prepare("RELEASE batch"),
			undo: db.prepare("ROLLBACK TO batch"),
		};
	}

	add(work: readonly Bound<unknown>[]): Promise<unknown[][]> {
		return new Promise((resolve, reject) => {
			this.#queue.push({ work, since: performance.now(), resolve, reject });
			this.#schedule();
		});
	}

	/** Resolves once nothing waits. */
	idle(): Promise<void> {
		if (this.#queue.length === 0) return Promise.resolve();
		return new Promise((resolve) => this.#whenIdle.push(resolve));
	}

	#schedule(afterMs = 0): void {
		if (this.#scheduled) return;
		this.#scheduled = true;
		const turn = () => {
			this.#scheduled = false;
			this.#turn();
			if (this.#queue.length > 0) this.#schedule(this.#locked ? RETRY_EVERY_MS : 0);
			else for (const done of this.#whenIdle.splice(0)) done();
		};
		if (afterMs > 0) setTimeout(turn, afterMs);
		else setImmediate(turn);
	}

	#locked = false;

	#turn(): void {
		try {
			this.#sql.begin.run();
			this.#locked = false;
		} catch (e) {
			this.#cannotBegin(e);
			return;
		}
		const outcomes: Outcome[] = [];
		const until = performance.now() + MAX_TURN_MS;
		do {
			const batch = this.#queue.shift();
			if (batch === undefined) break;
			outcomes.push(this.#runOne(batch));
		} while (this.#db.inTransaction && outcomes.length < MAX_BATCHES && performance.now() < until);
		settle(outcomes, this.#commit());
	}

	#runOne(batch: Waiting): Outcome {
		try {
			this.#sql.save.run();
			const rows = batch.work.map(this.#run);
			this.#sql.release.run();
			return { batch, rows };
		} catch (e) {
			this.#undoOne();
			return { batch, error: sqliteError(e) };
		}
	}

	#undoOne(): void {
		if (!this.#db.inTransaction) return;
		try {
			this.#sql.undo.run();
			this.#sql.release.run();
		} catch {
			if (this.#db.inTransaction) this.#sql.rollback.run(); // ends the turn: all that ran in it is lost together
		}
	}

	/** Null when everything that ran is on disk, else why nothing is. */
	#commit(): unknown {
		if (!this.#db.inTransaction) return new JobhookError("unavailable", "the database gave up the write; nothing was written");
		try {
			this.#sql.commit.run();
			return null;
		} catch (e) {
			if (this.#db.inTransaction) this.#sql.rollback.run();
			return sqliteError(e);
		}
	}

	/** Locked by another process: try again for a while, without freezing this one. Anything else fails all at once. */
	#cannotBegin(e: unknown): void {
		this.#locked = (e as { code?: string }).code?.startsWith("SQLITE_BUSY") ?? false;
		const tooOld = this.#locked ? performance.now() - this.#busyRetryMs : Number.POSITIVE_INFINITY;
		while ((this.#queue[0]?.since ?? Number.POSITIVE_INFINITY) <= tooOld) this.#queue.shift()?.reject(sqliteError(e));
	}
}

function settle(outcomes: Outcome[], lost: unknown): void {
	for (const outcome of outcomes) {
		if ("error" in outcome) outcome.batch.reject(outcome.error);
		else if (lost !== null) outcome.batch.reject(lost);
		else outcome.batch.resolve(outcome.rows);
	}
}
