import { sql } from "drizzle-orm";
import { compileSql } from "../db/compile.ts";
import { deliveries, events, jobs } from "../db/schema.ts";
import { type Broom, type EdgeStmt, edgeOf, inWindow, ROWS, type Window, windowBehind } from "./broom.ts";

export const edgeOfBodies: EdgeStmt = compileSql(["at", "id"], (p) => edgeOf(sql`${events} WHERE body <> ''`, sql`created_at`, sql`id`, p));
/** The body goes, the event stays: an empty body is how the rest knows. */
export const emptyBodies = compileSql<Window, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${events} SET body = '' WHERE id IN (
		SELECT e.id FROM ${events} e JOIN ${jobs} j ON j.id = e.job_id
		WHERE e.body <> '' AND j.ended_at IS NOT NULL AND ${inWindow(sql`e.created_at`, sql`e.id`, p)} AND NOT EXISTS (
			SELECT 1 FROM ${deliveries} d
			WHERE d.event_id = e.id AND (d.state IN ('pending', 'held') OR d.ended_at IS NULL OR d.ended_at > ${p.before})
		)
	) AND body <> '' RETURNING id`,
);

/** Bodies of events none of whose deliveries still waits, or ended lately. */
export const bodies: Broom = {
	name: "bodies",
	async step(deps, after) {
		const before = deps.clock.now() - deps.config.retainBodiesMs;
		const { next, ...window } = await windowBehind(deps, edgeOfBodies, after, before, ROWS);
		const [emptied] = await deps.db.batch([emptyBodies.bind(window)]);
		return { removed: emptied.length, next };
	},
};
