import { type SQL, sql } from "drizzle-orm";
import { compileSql, type Slots } from "../db/compile.ts";
import { deliveries, events, jobFiles, jobs, receipts, results, submissions } from "../db/schema.ts";
import { type Broom, type EdgeStmt, edgeOf, inWindow, ROWS, type Window, windowBehind } from "./broom.ts";
import { deleteAttempts, deleteDeliveries } from "./leaves.ts";

/** Jobs of one batch: with all their rows about `ROWS`. */
const JOBS = 25;

export const edgeOfJobs: EdgeStmt = compileSql(["at", "id"], (p) =>
	edgeOf(sql`${jobs} WHERE ended_at IS NOT NULL`, sql`ended_at`, sql`id`, p),
);

interface OldJobs extends Window {
	/** A delivery that ended after this is news to somebody, and its body is kept. */
	lately: number;
}
interface Doomed extends OldJobs {
	limit: number;
}
/** Ended long ago, with no delivery that still waits, or did until lately. Every statement asks again. */
const doomed = (p: Slots<OldJobs>): SQL => sql`j.ended_at IS NOT NULL AND ${inWindow(sql`j.ended_at`, sql`j.id`, p)} AND NOT EXISTS (
	SELECT 1 FROM ${deliveries} w WHERE w.app_id = j.app_id AND w.job_id = j.id AND (w.state IN ('pending', 'held') OR w.ended_at > ${p.lately})
)`;
const withoutEvents = sql`NOT EXISTS (SELECT 1 FROM ${events} x WHERE x.job_id = j.id)`;

const THEIRS = sql`${jobs} j JOIN ${deliveries} d ON d.app_id = j.app_id AND d.job_id = j.id`;
export const removeAttempts = compileSql<Doomed, { id: string }>(["id"], (p) => deleteAttempts(THEIRS, doomed(p), p.limit));
export const removeDeliveries = compileSql<Doomed, { id: string }>(["id"], (p) => deleteDeliveries(THEIRS, doomed(p), p.limit));
export const removeEvents = compileSql<Doomed, { id: string }>(
	["id"],
	(p) => sql`DELETE FROM ${events} WHERE id IN (
		SELECT e.id FROM ${jobs} j JOIN ${events} e ON e.job_id = j.id
		WHERE ${doomed(p)} AND NOT EXISTS (SELECT 1 FROM ${deliveries} d WHERE d.event_id = e.id) LIMIT ${p.limit}
	) RETURNING id`,
);
export const removeReceiptsOf = compileSql<Doomed, { id: string }>(
	["id"],
	(p) => sql`DELETE FROM ${receipts} WHERE id IN (
		SELECT r.id FROM ${jobs} j JOIN ${receipts} r ON r.job_id = j.id WHERE ${doomed(p)} AND ${withoutEvents} LIMIT ${p.limit}
	) RETURNING id`,
);
export const removeSubmissions = compileSql<Doomed, { id: string }>(
	["id"],
	(p) => sql`DELETE FROM ${submissions} WHERE id IN (
		SELECT s.id FROM ${jobs} j JOIN ${submissions} s ON s.job_id = j.id WHERE ${doomed(p)} AND ${withoutEvents} LIMIT ${p.limit}
	) RETURNING id`,
);
export const removeResults = compileSql<OldJobs, { id: string }>(
	["id"],
	(p) => sql`DELETE FROM ${results} WHERE job_id IN (SELECT j.id FROM ${jobs} j WHERE ${doomed(p)} AND ${withoutEvents}) RETURNING job_id`,
);
export const removeJobFiles = compileSql<OldJobs, { id: string }>(
	["id"],
	(p) => sql`DELETE FROM ${jobFiles} WHERE job_id IN (SELECT j.id FROM ${jobs} j WHERE ${doomed(p)} AND ${withoutEvents}) RETURNING job_id`,
);
export const removeJobs = compileSql<OldJobs, { id: string }>(
	["id"],
	(p) => sql`DELETE FROM ${jobs} WHERE id IN (
		SELECT j.id FROM ${jobs} j WHERE ${doomed(p)} AND ${withoutEvents}
			AND NOT EXISTS (SELECT 1 FROM ${submissions} s WHERE s.job_id = j.id) AND NOT EXISTS (SELECT 1 FROM ${receipts} r WHERE r.job_id = j.id)
	) RETURNING id`,
);

/** Jobs with all that belongs to them. While an idempotency key may still name a job, it stays. */
export const oldJobs: Broom = {
	name: "jobs",
	async step(deps, after) {
		const { retainJobsMs, retainBodiesMs, idempotencyKeyMs } = deps.config;
		const now = deps.clock.now();
		const { next, ...old } = await windowBehind(deps, edgeOfJobs, after, now - Math.max(retainJobsMs, idempotencyKeyMs), JOBS);
		const window = { ...old, lately: now - retainBodiesMs };
		const limited = { ...window, limit: ROWS };
		const removed = await deps.db.batch([
			removeAttempts.bind(limited),
			removeDeliveries.bind(limited),
			removeEvents.bind(limited),
			removeReceiptsOf.bind(limited),
			removeSubmissions.bind(limited),
			removeResults.bind(window),
			removeJobFiles.bind(window),
			removeJobs.bind(window),
		]);
		const full = removed.some((rows) => rows.length >= ROWS); // more of the same jobs is left
		return { removed: removed.reduce((sum, rows) => sum + rows.length, 0), next: full ? after : next };
	},
};
