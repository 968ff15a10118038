import postgres from "postgres";
import type { Bound, Db, Stmt } from "../db/db.ts";
import { JobhookError } from "../errors.ts";
import { Permits } from "./permits.ts";
import { PostgresConnection } from "./postgres-connection.ts";
import { isConflict, postgresError } from "./postgres-error.ts";
import { type Statement, statementOf } from "./postgres-statement.ts";

const CONNECT_DEADLINE_S = 2;
/** A row that somebody else has locked, a statement that runs away, and a client that is gone, are given up on the server itself. */
const LIMITS = { lock_timeout: 2000, statement_timeout: 8000, client_connection_check_interval: 500 };
/** On today's disks a page out of turn costs hardly more than the next one; by the server's default of 4, tables are passed over. */
const PLANNING = { random_page_cost: 1.1, jit: "off" };
const SETTINGS = { ...LIMITS, ...PLANNING };
/** Then the server, or the way to it, does not answer at all. */
const DEADLINE_MS = 10_000;
const RECONNECT_EVERY_S = 0.2;
/** Two batches that met: one was rolled back and is run again, a little later than the other. */
const TRIES = 5;
const AGAIN_WITHIN_MS = 20;
/** Connections that background work leaves to requests and hooks, where there are so many. */
const RESERVED = 2;
const OID = { int8: 20, numeric: 1700 };

export interface PostgresOptions {
	/** Connections, of which `RESERVED` are for requests alone. */
	pool: number;
	/**
	 * Whether connections are ours alone, so that they keep plans and settings. Not behind a pooler that hands them out by
	 * transaction: then limits are set in each, and a batch of one is one, too.
	 */
	prepare: boolean;
	/** For all of a batch, 10 s. */
	deadlineMs?: number;
}

export interface PostgresDb extends Db {
	/** The same database for background work, which never has all connections. */
	readonly background: Db;
	/** Two connections more, for the edge's own work: migrations, LISTEN, the server's clock. */
	readonly raw: postgres.Sql;
}

/** Opens nothing yet: connections are made as they are needed, and made anew for ever. */
export function openPostgres(url: string, { pool, prepare, deadlineMs = DEADLINE_MS }: PostgresOptions): PostgresDb {
	const driver = {
		prepare,
		fetch_types: false,
		max_lifetime: null,
		types: { bigint: { to: OID.int8, from: [OID.int8, OID.numeric], parse: Number, serialize: String } },
		connection: { application_name: "jobhook", ...(prepare ? SETTINGS : {}) },
		onnotice: () => {},
	};
	const limits = Object.entries(SETTINGS).map(([name, value]) => `; SET LOCAL ${name} = ${value}`);
	// what a claim counts behind its lock is what others have committed by then, whatever the database's default is
	const begin = `BEGIN ISOLATION LEVEL READ COMMITTED${prepare ? "" : limits.join("")}`;
	const raw = open(url, { ...driver, max: 2, connect_timeout: CONNECT_DEADLINE_S, backoff: () => RECONNECT_EVERY_S });
	const permits = new Permits({ all: pool, background: Math.max(1, pool - RESERVED) });
	const idle: PostgresConnection[] = [];
	const inUse = new Set<Promise<unknown>>();
	let closed = false;

	async function once(work: readonly Statement[], atomic: boolean): Promise<unknown[][][]> {
		if (closed) throw new JobhookError("unavailable", "the database was closed");
		let one = idle.pop();
		while (one?.open === false) one = idle.pop();
		one ??= new PostgresConnection(url, { prepare, deadlineMs, begin, driver });
		try {
			return await one.run(work, atomic);
		} finally {
			if (one.open) idle.push(one);
			else for (const other of idle.splice(0)) void other.end(); // what ended one will have ended them, too
		}
	}

	async function patiently(work: readonly Statement[], atomic: boolean, writes: boolean): Promise<unknown[][][]> {
		for (let left = TRIES; ; left--) {
			try {
				return await once(work, atomic);
			} catch (e) {
				if (left === 1 || !isConflict(e)) throw postgresError(e, writes);
				await new Promise((resolve) => setTimeout(resolve, Math.random() * AGAIN_WITHIN_MS));
			}
		}
	}

	async function run(work: readonly Bound<unknown>[], writes: boolean, background: boolean): Promise<unknown[][]> {
		const giveBack = await permits.take(background);
		const running = patiently(work.map(statementOf), writes && (work.length > 1 || !prepare), writes);
		inUse.add(running);
		try {
			const rows = await running;
			return work.map(({ stmt }, i) => (stmt as Stmt<never, unknown>).map(rows[i] as unknown[][]));
		} finally {
			inUse.delete(running);
			giveBack();
		}
	}

	const view = (background: boolean): Db => ({
		dialect: "postgres",
		async read<Row>(query: Bound<Row>) {
			const [rows = []] = await run([query], false, background);
			return rows as Row[];
		},
		batch: (work) => (work.length === 0 ? Promise.resolve([]) : run(work, true, background)) as Promise<never>,
		async close() {},
	});
	const close = async () => {
		closed = true;
		await Promise.allSettled(inUse);
		await Promise.all([raw.end({ timeout: 5 }), ...idle.splice(0).map((one) => one.end())]);
	};
	return { ...view(false), background: view(true), raw, close };
}

/** The driver's own complaint about a URL repeats it, with its password. */
function open(url: string, options: postgres.Options<{ bigint: postgres.PostgresType }>): postgres.Sql {
	try {
		return postgres(url, options);
	} catch {
		throw new Error("the database's URL cannot be read: postgres://user:password@host:5432/name is expected, with % codes for signs in it");
	}
}
