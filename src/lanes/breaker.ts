import { type SQL, sql } from "drizzle-orm";
import type { Config } from "../config.ts";
import { compileSql } from "../db/compile.ts";
import type { Bound } from "../db/db.ts";
import { lanes } from "../db/schema.ts";

/*
 * A lane's breaker, in its row, so that all processes share it. Closed, it counts: a failure begins a window, and from then on
 * every attempt that begins within it counts, so that ten at once which fail together are one failure and not ten. Where enough
 * of them fail it opens: nothing is claimed before `not_before`, and no attempt is spent. Then it is on probation: one attempt
 * at a time, each failure opens it for twice as long, and a few successes in a row close it.
 */

/** Up to a twentieth longer, so that it does not keep step with a receiver that comes and goes by the clock. */
const JITTER = 0.05;

export interface Answered {
	lane: string;
	/** When the attempt was claimed: what it says is of the lane as it was then. */
	claimedAt: number;
	nowMs: number;
}
type BreakerConfig = Pick<
	Config,
	"breakerWindowMs" | "breakerAttempts" | "breakerFailedPercent" | "breakerOpenMs" | "breakerLongestMs" | "breakerSuccesses"
>;

interface Failed {
	lane: string;
	claimed: number;
	now: number;
	window: number;
	attempts: number;
	percent: number;
	first: number;
	longest: number;
	/** Of the time it is open: what comes on top, in thousandths. */
	jitter: number;
	successes: number;
}
const OVER = (p: { now: SQL; window: SQL }) => sql`(tried = 0 OR counted_from + ${p.window} <= ${p.now})`;
/** Past doublings of no use. */
const MOST_STRIKES = sql.raw("20");

export const laneFailed = compileSql<Failed, { id: string; opened: number }>(["id", "opened"], (p) => {
	const count = (column: "tried" | "failed") =>
		sql`CASE WHEN ${OVER(p)} THEN 1 WHEN ${p.claimed} >= counted_from THEN ${sql.raw(column)} + 1 ELSE ${sql.raw(column)} END`;
	const probe = sql`probation > 0 AND ${p.claimed} >= not_before`;
	const tooMany = sql`probation = 0 AND (${count("tried")}) >= ${p.attempts} AND (${count("failed")}) * 100 >= (${count("tried")}) * ${p.percent}`;
	const opens = sql`not_before <= ${p.now} AND ((${probe}) OR (${tooMany}))`;
	const doubled = sql`CAST(${p.first} AS bigint) * (1 << CAST(CASE WHEN strikes > ${MOST_STRIKES} THEN ${MOST_STRIKES} ELSE strikes END AS int))`;
	const openMs = sql`CASE WHEN ${doubled} > ${p.longest} THEN CAST(${p.longest} AS bigint) ELSE ${doubled} END * (1000 + ${p.jitter}) / 1000`;
	return sql`UPDATE ${lanes} SET not_before = CASE WHEN ${opens} THEN ${p.now} + ${openMs} ELSE not_before END,
		strikes = CASE WHEN ${opens} THEN strikes + 1 ELSE strikes END, probation = CASE WHEN ${opens} THEN ${p.successes} ELSE probation END,
		reason = CASE WHEN ${opens} THEN 'breaker_open' ELSE reason END,
		tried = CASE WHEN ${opens} THEN 0 ELSE ${count("tried")} END, failed = CASE WHEN ${opens} THEN 0 ELSE ${count("failed")} END,
		counted_from = CASE WHEN ${OVER(p)} THEN CAST(${p.now} AS bigint) ELSE counted_from END
	WHERE id = ${p.lane} RETURNING id, CASE WHEN reason = 'breaker_open' AND not_before > ${p.now} THEN strikes ELSE 0 END`;
});

export const laneSucceeded = compileSql<{ lane: string; claimed: number; now: number; window: number }, { id: string }>(["id"], (p) => {
	const probe = sql`probation > 0 AND ${p.claimed} >= not_before`;
	return sql`UPDATE ${lanes} SET probation = CASE WHEN ${probe} THEN probation - 1 ELSE probation END,
		strikes = CASE WHEN ${probe} AND probation = 1 THEN 0 ELSE strikes END, reason = CASE WHEN ${probe} AND probation = 1 THEN NULL ELSE reason END,
		tried = CASE WHEN ${OVER(p)} THEN 0 WHEN ${p.claimed} >= counted_from THEN tried + 1 ELSE tried END,
		failed = CASE WHEN ${OVER(p)} THEN 0 ELSE failed END
	WHERE id = ${p.lane} AND (probation > 0 OR tried > 0) RETURNING id`;
});

/** An attempt failed. The row says how often in a row the lane has been opened where it is open now, else 0. */
export const breakerFailed = (config: BreakerConfig, { lane, claimedAt, nowMs }: Answered, random01: number) =>
	laneFailed.bind({
		lane,
		claimed: claimedAt,
		now: nowMs,
		window: config.breakerWindowMs,
		attempts: config.breakerAttempts,
		percent: config.breakerFailedPercent,
		first: config.breakerOpenMs,
		longest: config.breakerLongestMs,
		jitter: Math.floor(random01 * JITTER * 1000),
		successes: config.breakerSuccesses,
	});

/** An attempt succeeded; a lane without trouble needs no write. */
export const breakerSucceeded = (
	config: BreakerConfig,
	{ lane, claimedAt, nowMs }: Answered,
	seen: { tried: number; probation: number },
): Bound<unknown>[] =>
	seen.tried === 0 && seen.probation === 0
		? []
		: [laneSucceeded.bind({ lane, claimed: claimedAt, now: nowMs, window: config.breakerWindowMs })];

/** Another receiver, or the same one after somebody has seen to it: as if nothing had been. */
export const FORGIVEN = sql.raw("strikes = 0, probation = 0, tried = 0, failed = 0");
