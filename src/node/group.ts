import type Database from "better-sqlite3";
import type { Bound } from "../db/db.ts";
import type { JobhookError } from "../errors.ts";
import { sqliteError, unavailable } from "./sqlite-error.ts";

const MAX_BATCHES = 256;
const MAX_TURN_MS = 8;
/** While another process holds the lock. A try costs microseconds, and two that write by turns must both get theirs. */
const RETRY_EVERY_MS = 5;

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
 * Whatever happens, every promise settles.
 */
export class GroupCommit {
	readonly #db: Database.Database;
	readonly #run: (bound: Bound<unknown>) => unknown[];
	readonly #check: () => void;
	readonly #busyRetryMs: number;
	readonly #busyTimeoutMs: number;
	readonly #queue: Waiting[] = [];
	readonly #sql: Record<"begin" | "commit" | "rollback" | "save" | "release" | "undo", Database.Statement>;
	#scheduled = false;
	#locked = false;
	#whenIdle: (() => void)[] = [];

	/** `check` throws when the database must not be written to. */
	constructor(db: Database.Database, run: (bound: Bound<unknown>) => unknown[], check: () => void, busyRetryMs = 2000) {
		this.#db = db;
		this.#run = run;
		this.#check = check;
		this.#busyRetryMs = busyRetryMs;
		this.#busyTimeoutMs = Number(db.pragma("busy_timeout", { simple: true }));
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

	#turn(): void {
		try {
			this.#check();
			this.#begin();
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
		settle(outcomes, this.#commit(outcomes.at(-1)));
	}

	/** SQLite's own waiting would freeze the process, so a lock is told at once. */
	#begin(): void {
		this.#db.pragma("busy_timeout = 0");
		try {
			this.#sql.begin.run();
		} finally {
			this.#db.pragma(`busy_timeout = ${this.#busyTimeoutMs}`);
		}
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
			this.#endTurn();
		}
	}

	/** All that ran in this turn is lost together. */
	#endTurn(): void {
		try {
			if (this.#db.inTransaction) this.#sql.rollback.run();
		} catch {
			// SQLite has ended the transaction, or the next BEGIN tells
		}
	}

	/** Null when everything that ran is on disk, else why nothing is. */
	#commit(last: Outcome | undefined): JobhookError | null {
		if (!this.#db.inTransaction) return unavailable(last && "error" in last ? last.error : null);
		try {
			this.#sql.commit.run();
			return null;
		} catch (e) {
			this.#endTurn();
			return unavailable(e);
		}
	}

	/** Locked by another process: try again for a while, without freezing this one. Anything else fails all at once. */
	#cannotBegin(e: unknown): void {
		this.#locked = (e as { code?: string }).code?.startsWith("SQLITE_BUSY") ?? false;
		const giveUpBefore = performance.now() - this.#busyRetryMs;
		for (const batch of this.#queue.splice(0)) {
			if (this.#locked && batch.since > giveUpBefore) this.#queue.push(batch);
			else batch.reject(unavailable(e));
		}
	}
}

/** In a turn that was lost even a refusal may rest on a neighbour's row that is gone now. */
function settle(outcomes: Outcome[], lost: JobhookError | null): void {
	for (const outcome of outcomes) {
		if (lost !== null) outcome.batch.reject(lost);
		else if ("error" in outcome) outcome.batch.reject(outcome.error);
		else outcome.batch.resolve(outcome.rows);
	}
}
