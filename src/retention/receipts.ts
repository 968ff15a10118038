import { sql } from "drizzle-orm";
import { compileSql } from "../db/compile.ts";
import { jobs, receipts } from "../db/schema.ts";
import { type Broom, type EdgeStmt, edgeOf, inWindow, ROWS, type Window, windowBehind } from "./broom.ts";

export const edgeOfReceipts: EdgeStmt = compileSql(["at", "id"], (p) => edgeOf(sql`${receipts} WHERE true`, sql`received_at`, sql`id`, p));
export const removeReceipts = compileSql<Window, { id: string }>(
	["id"],
	(p) => sql`DELETE FROM ${receipts} WHERE id IN (
		SELECT r.id FROM ${receipts} r WHERE ${inWindow(sql`r.received_at`, sql`r.id`, p)}
			AND NOT EXISTS (SELECT 1 FROM ${jobs} j WHERE j.id = r.job_id AND j.ended_at IS NULL)
	) RETURNING id`,
);

/** What providers told us, orphans with it; not of a job that still runs. */
export const oldReceipts: Broom = {
	name: "receipts",
	async step(deps, after) {
		const before = deps.clock.now() - deps.config.retainReceiptsMs;
		const { next, ...window } = await windowBehind(deps, edgeOfReceipts, after, before, ROWS);
		const [removed] = await deps.db.batch([removeReceipts.bind(window)]);
		return { removed: removed.length, next };
	},
};
