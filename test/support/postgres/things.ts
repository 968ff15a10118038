import postgres from "postgres";
import type { Bound, SqlValue } from "../../../src/db/db.ts";
import { isUnavailable, mayBeWritten } from "../../../src/errors.ts";
import { openPostgres, type PostgresDb, type PostgresOptions } from "../../../src/node/postgres.ts";

/** Any SQL with its values, in the words of the port. */
export const say = (sql: string, ...params: SqlValue[]): Bound<SqlValue[]> => ({
	stmt: { sql, map: (rows) => rows as SqlValue[][], bind: () => say(sql) },
	params,
});
export const put = (id: string, n: SqlValue = 1) => say("INSERT INTO things (id, n) VALUES (?, ?)", id, n);
export const add = (id: string) => say("UPDATE things SET n = n + 1 WHERE id = ? RETURNING n", id);
export const ids = async (db: PostgresDb): Promise<unknown[]> => (await db.read(say("SELECT id FROM things ORDER BY id"))).flat();

/** The driver on a database with one table, and a plain client beside it. */
export async function openThings(url: string, options: Partial<PostgresOptions> = {}, plainUrl = url) {
	const plain = postgres(plainUrl, { max: 5, onnotice: () => {} });
	await plain.unsafe("CREATE TABLE IF NOT EXISTS things (id text PRIMARY KEY, n bigint)");
	const db = openPostgres(url, { pool: 4, prepare: true, ...options });
	const close = () => Promise.all([db.close(), plain.end({ timeout: 1 })]);
	return { db, plain, close };
}

/** How a call ended, in a word or two. */
export const endOf = (call: Promise<unknown>): Promise<string> =>
	call.then(
		() => "done",
		(e: unknown) => (isUnavailable(e) ? `unavailable${mayBeWritten(e) ? ", perhaps written" : ""}` : String(e)),
	);

/** Until it holds, or the test's time is up. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
	while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}
