import { type SQL, sql } from "drizzle-orm";
import { compileSql, type Slots } from "../db/compile.ts";
import { deliveries, events } from "../db/schema.ts";
import { TYPES } from "../outbound/notices/sql.ts";
import { edgeOfBodies } from "./bodies.ts";
import { type Broom, inWindow, ROWS, type Window, windowBehind } from "./broom.ts";
import { deleteAttempts, deleteDeliveries } from "./leaves.ts";

interface Doomed extends Window {
	limit: number;
}
/** What the operator was told, with no delivery that still waits. Every statement asks again. */
const doomed = (p: Slots<Window>): SQL => sql`e.body <> '' AND e.type IN (${TYPES}) AND ${inWindow(sql`e.created_at`, sql`e.id`, p)}
	AND NOT EXISTS (SELECT 1 FROM ${deliveries} w WHERE w.event_id = e.id AND w.state IN ('pending', 'held'))`;

/** They are rare: most windows have none, and then nothing is written. */
export const anyNotice = compileSql<Window, { id: string }>(["id"], (p) => sql`SELECT e.id FROM ${events} e WHERE ${doomed(p)} LIMIT 1`);

const THEIRS = sql`${events} e JOIN ${deliveries} d ON d.event_id = e.id`;
export const removeAttemptsOfNotices = compileSql<Doomed, { id: string }>(["id"], (p) => deleteAttempts(THEIRS, doomed(p), p.limit));
export const removeDeliveriesOfNotices = compileSql<Doomed, { id: string }>(["id"], (p) => deleteDeliveries(THEIRS, doomed(p), p.limit));
export const removeNotices = compileSql<Window, { id: string }>(
	["id"],
	(p) => sql`DELETE FROM ${events} WHERE id IN (
		SELECT e.id FROM ${events} e WHERE ${doomed(p)} AND NOT EXISTS (SELECT 1 FROM ${deliveries} d WHERE d.event_id = e.id)
	) RETURNING id`,
);

/**
 * Events for the operator, which belong to no job, with their deliveries. Their bodies stay as long as they do, so the index
 * of bodies finds them, among the few of jobs that are as old.
 */
export const oldNotices: Broom = {
	name: "notices",
	async step(deps, after) {
		const before = deps.clock.now() - deps.config.retainJobsMs;
		const { next, ...window } = await windowBehind(deps, edgeOfBodies, after, before, ROWS);
		if ((await deps.db.read(anyNotice.bind(window))).length === 0) return { removed: 0, next };
		const limited = { ...window, limit: ROWS };
		const removed = await deps.db.batch([
			removeAttemptsOfNotices.bind(limited),
			removeDeliveriesOfNotices.bind(limited),
			removeNotices.bind(window),
		]);
		const full = removed.slice(0, 2).some((rows) => rows.length >= ROWS); // more of the same events is left
		return { removed: removed.reduce((sum, rows) => sum + rows.length, 0), next: full ? after : next };
	},
};
