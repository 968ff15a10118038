import { type SQL, sql } from "drizzle-orm";
import type { Config } from "../config.ts";
import { compileSql } from "../db/compile.ts";
import type { Bound } from "../db/db.ts";
import { lanes } from "../db/schema.ts";
import { sameReceiver } from "./pause.ts";

/*
 * A lane's breaker, in its row, so that all processes share it. Closed, it counts: a failure begins a window, and from then on
 * every attempt that begins within it counts, so that ten at once which fail together are one failure and not ten. Where enough
 * of them fail it opens: nothing is claimed before `not_before`, and no attempt is spent. Then it is on probation: one attempt
 * at a time, two failures in a row open it again, for twice as long where none succeeded meanwhile, and a few successes close
 * it, in a row or not: else a receiver that fails half the time would get few attempts an hour. On probation nothing is counted,
 * and `failed` says whether the last one failed.
 */

/** Up to a twentieth shorter, so that it does not keep step with a receiver that comes and goes by the clock. */
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
	/** Of the time it is open: what is left out, in thousandths. */
	jitter: number;
	successes: number;
}
const OVER = (p: { now: SQL; window: SQL }) => sql`(tried = 0 OR counted_from + ${p.window} <= ${p.now})`;
/** Past doublings of no use. */
const MOST_STRIKES = sql.raw("20");

/** What is bound, once each: D1 takes a hundred values, and the rule names each of these many times. */
const BOUND = ["claimed", "now", "window", "attempts", "percent", "first", "longest", "jitter", "successes"] as const;
const v = Object.fromEntries(BOUND.map((name) => [name, sql.raw(`bound.of_${name}`)])) as Record<(typeof BOUND)[number], SQL>;

/** One that was claimed before the breaker opened says nothing more. */
export const laneFailed = compileSql<Failed, { id: string; openUntil: number | null }>(["id", "openUntil"], (p) => {
	const values = BOUND.map((name) => sql`CAST(${p[name]} AS bigint) AS ${sql.raw(`of_${name}`)}`);
	const count = (column: "tried" | "failed") =>
		sql`CASE WHEN ${OVER(v)} THEN 1 WHEN ${v.claimed} >= counted_from THEN ${sql.raw(column)} + 1 ELSE ${sql.raw(column)} END`;
	const tooMany = sql`(${count("tried")}) >= ${v.attempts} AND (${count("failed")}) * 100 >= (${count("tried")}) * ${v.percent}`;
	const opens = sql`not_before <= ${v.now} AND CASE WHEN probation > 0 THEN failed > 0 ELSE ${tooMany} END`;
	const doubled = sql`${v.first} * (1 << CAST(CASE WHEN strikes > ${MOST_STRIKES} THEN ${MOST_STRIKES} ELSE strikes END AS int))`;
	const openMs = sql`CASE WHEN ${doubled} > ${v.longest} THEN ${v.longest} ELSE ${doubled} END * (1000 - ${v.jitter}) / 1000`;
	return sql`UPDATE ${lanes} SET not_before = CASE WHEN ${opens} THEN ${v.now} + ${openMs} ELSE not_before END,
		strikes = CASE WHEN ${opens} THEN strikes + 1 ELSE strikes END,
		probation = CASE WHEN probation = 0 AND ${opens} THEN ${v.successes} ELSE probation END,
		reason = CASE WHEN ${opens} THEN 'breaker_open' ELSE reason END,
		tried = CASE WHEN ${opens} OR probation > 0 THEN 0 ELSE ${count("tried")} END,
		failed = CASE WHEN ${opens} THEN 0 WHEN probation > 0 THEN 1 ELSE ${count("failed")} END,
		counted_from = CASE WHEN ${opens} OR (probation = 0 AND ${OVER(v)}) THEN ${v.now} ELSE counted_from END
	FROM (SELECT ${sql.join(values, sql`, `)}) AS bound
	WHERE id = ${p.lane} AND (probation = 0 OR ${v.claimed} >= not_before) AND ${sameReceiver(v.claimed)}
	RETURNING id, CASE WHEN probation > 0 AND counted_from = ${p.now} THEN not_before END`;
});

export const laneSucceeded = compileSql<{ lane: string; claimed: number; now: number; window: number }, { id: string; probation: number }>(
	["id", "probation"],
	(p) => {
		const probe = sql`probation > 0 AND ${p.claimed} >= not_before`;
		return sql`UPDATE ${lanes} SET probation = CASE WHEN ${probe} THEN probation - 1 ELSE probation END,
		strikes = CASE WHEN ${probe} THEN 0 ELSE strikes END, reason = CASE WHEN ${probe} AND probation = 1 THEN NULL ELSE reason END,
		tried = CASE WHEN ${OVER(p)} THEN 0 WHEN ${p.claimed} >= counted_from THEN tried + 1 ELSE tried END,
		failed = CASE WHEN probation > 0 AND NOT (${probe}) THEN failed WHEN ${OVER(p)} THEN 0 ELSE failed END
	WHERE id = ${p.lane} AND (probation > 0 OR tried > 0) RETURNING id, probation`;
	},
);

/** An attempt failed. `openUntil`: it is this one that has opened the breaker; else null. */
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

/** A breaker that is open, or on probation, is closed. A pause that the receiver asked for stays. */
export const closeBreaker = (when: SQL, lane: SQL): SQL =>
	sql`UPDATE ${lanes} SET not_before = CASE WHEN reason = 'breaker_open' THEN 0 ELSE not_before END,
		reason = CASE WHEN reason = 'breaker_open' THEN NULL ELSE reason END, ${FORGIVEN}
	WHERE id = ${lane} AND (strikes > 0 OR probation > 0 OR tried > 0) AND ${when} RETURNING id`;
