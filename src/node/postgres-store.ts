import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type postgres from "postgres";
import type { Config } from "../config.ts";
import { placeOfAppSecret } from "../core/places.ts";
import type { Secretbox } from "../core/secretbox.ts";
import type { Log } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { collected } from "./collected.ts";
import { mustExistOn } from "./existing.ts";
import { migratePostgres } from "./migrate-postgres.ts";
import { openPostgres } from "./postgres.ts";
import { openPostgresBlobs } from "./postgres-blobs.ts";
import { ServerClock } from "./postgres-clock.ts";
import { Notifier } from "./postgres-notify.ts";
import { Refused } from "./refused.ts";
import { ROOT } from "./root.ts";
import { sharedSecretbox } from "./secrets.ts";
import type { Opening, Store } from "./store.ts";

export const POSTGRES_MIGRATIONS = path.join(ROOT, "migrations/postgres");
const MEASURE_EVERY_MS = 60_000;
const KNOCK_EVERY_MS = 500;
const TELL_EVERY_MS = 5000;
/** Bytes of files that pass between two collections: each piece leaves some times its size behind, as text and in messages. */
const GARBAGE_BYTES = 2 * 1_048_576;

type Place = Extract<Config["database"], { engine: "postgres" }>;

export async function openPostgresStore(config: Config, { url, name }: Place, log: Log, opening: Opening): Promise<Store> {
	const secrets = sharedSecretbox(config);
	const db = openPostgres(url, { pool: config.databasePool, prepare: config.databasePrepare });
	const notifier = new Notifier(db.raw);
	let measuring: NodeJS.Timeout | undefined;
	const close = async () => {
		clearInterval(measuring);
		await notifier.flush();
		await db.close();
	};
	try {
		await answers(db.raw, name, log, opening.patienceMs);
		if (opening.schema === "existing") await mustExistOn(db.raw, name, POSTGRES_MIGRATIONS);
		const applied = opening.schema === "migrate" ? await migratePostgres(db.raw, POSTGRES_MIGRATIONS) : 0;
		await fits(secrets, db.raw, name);
		const clock = new ServerClock(() => timeOf(db.raw), log);
		await clock.measure();
		measuring = setInterval(() => void clock.measure().catch(() => {}), MEASURE_EVERY_MS); // while it is gone we run on by ourselves
		measuring.unref();
		const background = { db: db.background, blobs: collected(openPostgresBlobs(db.background), GARBAGE_BYTES) };
		const { tell } = notifier;
		const hear = (wake: () => void) => {
			if (config.databasePrepare) notifier.hear(wake); // a pooler would hand the connection that listens to somebody else
		};
		return { name, applied, db, blobs: collected(openPostgresBlobs(db), GARBAGE_BYTES), background, clock, secrets, tell, hear, close };
	} catch (e) {
		await close();
		throw inOneLine(e, name);
	}
}

export async function timeOf(sql: postgres.Sql): Promise<number> {
	const [row] = await sql<[{ at: number }]>`SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS at`;
	return row.at;
}

/** A process with another key would seal what no other can open. */
async function fits(secrets: Secretbox, sql: postgres.Sql, name: string): Promise<void> {
	const [app] = await sql<{ id: string; sealed: string }[]>`SELECT id, callback_secret AS sealed FROM apps ORDER BY id LIMIT 1`;
	try {
		if (app !== undefined) secrets.open(app.sealed, placeOfAppSecret(app.id));
	} catch {
		throw new Refused(`JOBHOOK_MASTER_KEY does not open the secrets of ${name}: every process needs the key they were sealed with`);
	}
}

/** Waits for a server that is not there yet, e.g. starts together with us; a refusal that waiting does not mend comes at once. */
async function answers(sql: postgres.Sql, name: string, log: Log, patienceMs: number): Promise<void> {
	const began = performance.now();
	for (let told = began; ; await sleep(KNOCK_EVERY_MS)) {
		try {
			await sql`SELECT 1`;
			return;
		} catch (e) {
			const now = performance.now();
			if (!isNotThere(e) || now - began >= patienceMs) throw e;
			if (told !== began && now - told < TELL_EVERY_MS) continue;
			told = now;
			log.warn({ database: name, reason: wordsOf(e), waited_s: Math.round((now - began) / 1000) }, "database.waiting");
		}
	}
}

/** Nobody listens, a server that is starting or full, a name that is not known yet: not a wrong password, database or parameter. */
const NOT_THERE = /^(08|53|57)...$|^CONNECT(ION)?_|^E(CONN|HOST|NET|PIPE|TIMEDOUT|NOTFOUND|AI_AGAIN)/;
const isNotThere = (e: unknown): boolean => NOT_THERE.test(String((e as { code?: unknown }).code));

/** What the server, the driver or the system says; none of them repeats a password. */
export function inOneLine(e: unknown, name: string): unknown {
	const { code } = e as { code?: unknown };
	const theirs = typeof code === "string" && !code.startsWith("ERR_") && !(e instanceof JobhookError);
	return theirs ? new Refused(`${name}: ${wordsOf(e)}`, { cause: e }) : e;
}

/** Where a name has several addresses, the error of each. */
function wordsOf(e: unknown): string {
	const { message, errors } = e as Error & { errors?: Error[] };
	return errors === undefined ? message : errors.map((one) => one.message).join(", ");
}
