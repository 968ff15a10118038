import postgres from "postgres";
import type { Bound, Db, Stmt } from "../db/db.ts";
import { Permits } from "./permits.ts";
import { isConflict, postgresError } from "./postgres-error.ts";

const CONNECT_DEADLINE_S = 2;
/** A row that somebody else has locked, and a statement that runs away, are given up on the server itself. */
const LOCK_DEADLINE_MS = 2000;
const STATEMENT_DEADLINE_MS = 15_000;
const RECONNECT_EVERY_S = 0.2;
/** Two batches that met: one was rolled back and is run again. */
const TRIES = 5;

export interface PostgresOptions {
	/** Connections, of which `RESERVED` are for requests alone. */
	pool: number;
	/** Whether statements keep a plan on the server; not behind a pooler that hands out connections by transaction. */
	prepare: boolean;
}
/** Connections that background work leaves to requests and hooks, of a pool of more than one. */
const RESERVED = 2;

export interface PostgresDb extends Db {
	/** The same database for background work, which never has all connections. */
	readonly background: Db;
	/** The connections themselves, for the edge's own work: migrations, LISTEN, the server's clock. */
	readonly raw: postgres.Sql;
}

/** Opens nothing yet: connections are made as they are needed, and made anew for ever. */
export function openPostgres(url: string, { pool, prepare }: PostgresOptions): PostgresDb {
	const raw = postgres(url, {
		max: pool + 2, // migrations and NOTIFY beside what is counted here
		prepare,
		connect_timeout: CONNECT_DEADLINE_S,
		backoff: () => RECONNECT_EVERY_S,
		max_lifetime: null,
		types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } },
		connection: { application_name: "jobhook", lock_timeout: LOCK_DEADLINE_MS, statement_timeout: STATEMENT_DEADLINE_MS },
		onnotice: () => {},
	});
	const permits = new Permits(pool);
	const texts = new Map<string, string>();
	const textOf = (sql: string): string => {
		const text = texts.get(sql) ?? numbered(sql);
		texts.set(sql, text);
		return text;
	};
	const start = (on: postgres.Sql, { stmt, params }: Bound<unknown>) =>
		on.unsafe(textOf(stmt.sql), params.map(clean), { prepare }).values();

	async function run(work: readonly Bound<unknown>[]): Promise<unknown[][]> {
		const rows = work.length === 1 ? [await start(raw, work[0] as Bound<unknown>)] : await together(work);
		return work.map(({ stmt }, i) => (stmt as Stmt<never, unknown>).map(rows[i] as unknown[][]));
	}

	/** From BEGIN to COMMIT without waiting: after a statement that failed the server refuses the rest, and COMMIT rolls back. */
	async function together(work: readonly Bound<unknown>[]) {
		const one = await raw.reserve();
		try {
			const all = [one.unsafe("BEGIN"), ...work.map((bound) => start(one, bound)), one.unsafe("COMMIT")];
			const settled = await Promise.allSettled(all);
			for (const outcome of settled) if (outcome.status === "rejected") throw outcome.reason;
			return settled.slice(1, -1).map((outcome) => (outcome as PromiseFulfilledResult<unknown[][]>).value);
		} finally {
			one.release();
		}
	}

	async function patiently(work: readonly Bound<unknown>[], spare: number): Promise<unknown[][]> {
		const giveBack = await permits.take(spare);
		try {
			for (let left = TRIES; ; left--) {
				try {
					return await run(work);
				} catch (e) {
					if (left === 1 || !isConflict(e)) throw postgresError(e);
				}
			}
		} finally {
			giveBack();
		}
	}

	const view = (spare: number): Db => ({
		dialect: "postgres",
		async read<Row>(query: Bound<Row>) {
			const [rows = []] = await patiently([query], spare);
			return rows as Row[];
		},
		batch: (work) => (work.length === 0 ? Promise.resolve([]) : patiently(work, spare)) as Promise<never>,
		async close() {},
	});
	const spare = Math.min(RESERVED, pool - 1);
	return { ...view(0), background: view(spare), raw, close: () => raw.end({ timeout: 5 }) };
}

/** `?` outside of quotes becomes `$1`, `$2`, … */
function numbered(text: string): string {
	let n = 0;
	return text.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|\?/g, (found) => (found === "?" ? `$${++n}` : found));
}

/** PostgreSQL keeps no U+0000. */
const clean = <V>(value: V): V =>
	typeof value === "string" && value.includes("\u0000") ? (value.replaceAll("\u0000", "\ufffd") as V) : value;
