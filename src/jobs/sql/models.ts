import { eq, sql } from "drizzle-orm";
import { compile, compileSql, q, type Slots } from "../../db/compile.ts";
import type { Stmt } from "../../db/db.ts";
import { insertRow } from "../../db/insert.ts";
import { fits } from "../../db/row.ts";
import { cache } from "../../db/schema.ts";

export const readCache = compile((p: Slots<{ key: string }>) =>
	q.select({ body: cache.body, readAt: cache.readAt }).from(cache).where(eq(cache.key, p.key)),
);
const nothing = compileSql<unknown, never>([], () => sql`SELECT 1 WHERE 1 = 0`);
/** What no row holds is not cached: every process asks for itself. */
const ifItFits = <Values extends { body: string }, Row>(stmt: Stmt<Values, Row>): Stmt<Values, Row> => ({
	get sql() {
		return stmt.sql;
	},
	map: stmt.map,
	bind: (values) => (fits(values.body) ? stmt.bind(values) : nothing.bind({})),
});

/** Both in one batch: the first makes the row, the second brings it up to date. */
export const addToCache = ifItFits(insertRow(cache, { orIgnore: true }));
export const updateCache = ifItFits(
	compile((p: Slots<{ key: string; body: string; readAt: number }>) =>
		q.update(cache).set({ body: p.body, readAt: p.readAt }).where(eq(cache.key, p.key)).returning({ key: cache.key }),
	),
);
