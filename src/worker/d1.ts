import type { D1Database } from "@cloudflare/workers-types";
import { type Bound, ConstraintError, type Db } from "../db/db.ts";
import { JobhookError } from "../errors.ts";

/** The storage port on D1. A batch is D1's own: one transaction, in order. */
export function openD1(d1: D1Database): Db {
	const prepare = ({ stmt, params }: Bound<unknown>) => d1.prepare(stmt.sql).bind(...params);
	return {
		dialect: "sqlite",
		async read<Row>(query: Bound<Row>) {
			const rows = await prepare(query)
				.raw<unknown[]>()
				.catch((e: unknown) => refuse(e, "nothing was to be written"));
			return query.stmt.map(rows);
		},
		async batch(work) {
			if (work.length === 0) return [] as never;
			const results = await d1.batch<Record<string, unknown>>(work.map(prepare)).catch((e: unknown) => refuse(e));
			return results.map(({ results: rows }, i) => work[i]?.stmt.map((rows ?? []).map((row) => Object.values(row)))) as never;
		},
		async close() {},
	};
}

/** D1 tells its errors apart by their words only. What it could not do now is `unavailable`. */
export function refuse(e: unknown, whatOfIt = "whether this was written is not known, repeat it with its Idempotency-Key"): never {
	const message = e instanceof Error ? e.message : String(e);
	if (/unique constraint failed/i.test(message)) throw new ConstraintError(message, { cause: e });
	if (NOT_BEGUN.test(message))
		throw new JobhookError("unavailable", "the database cannot take this now; nothing was written", { cause: e });
	if (OURS.test(message)) throw e;
	throw new JobhookError("unavailable", `the database broke off; ${whatOfIt}`, { cause: e, maybeWritten: true });
}

/** The statement never ran, or did not fit. */
const NOT_BEGUN = /overloaded|cannot resolve|too many (api requests|subrequests)|maximum.*(size|storage)|busy|locked/i;
/** SQLite's objections and the binding's, to what it was given. All else stood in the way to D1, in many words. */
const OURS =
	/SQLITE_(ERROR|CONSTRAINT|MISMATCH|RANGE|TOOBIG|AUTH|LIMIT)|D1_(TYPE|EXEC|COLUMN)\w+|no such (table|column)|syntax error|too long|too big|wrong number of param/i;
