import { sql } from "drizzle-orm";
import { compileSql } from "../db/compile.ts";
import { lanes } from "../db/schema.ts";

/** The lane's row is read by every claim: it is not written for each answer. */
const EVERY_MS = 2000;

export interface LaneClock {
	laneClockMs: number;
	laneHeardAt: number;
}

/**
 * What a poll lane's clock says at an answer. It runs while the provider answers: of a silence, be it the provider's or our own,
 * it counts at most `mostMs`.
 */
export const clockNow = (lane: LaneClock, nowMs: number, mostMs: number): number =>
	lane.laneClockMs + Math.min(Math.max(0, nowMs - lane.laneHeardAt), mostMs);

const heard = compileSql<{ lane: string; now: number; before: number; most: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${lanes} SET heard_at = ${p.now},
		clock_ms = clock_ms + CASE WHEN ${p.now} - heard_at > ${p.most} THEN ${p.most} ELSE ${p.now} - heard_at END
	WHERE id = ${p.lane} AND heard_at <= ${p.before} RETURNING id`,
);

/** The provider has answered. Nothing where that was just written. */
export const heardOn = (lane: string, { laneHeardAt }: LaneClock, now: number, most: number) =>
	now - laneHeardAt < EVERY_MS ? [] : [heard.bind({ lane, now, before: now - EVERY_MS, most })];
