import { type SQL, sql } from "drizzle-orm";
import { compileSql, type Slots } from "../db/compile.ts";
import { type deliveries, lanes, type submissions } from "../db/schema.ts";
import { openAt, paidUntil, startsLeft } from "./pace.ts";

/** What can be claimed: both tables name their lane, their due time and their claim in the same columns. */
export type Work = typeof deliveries | typeof submissions;
/** A table of work, and what a claim changes in it besides claim, lease and time. */
export interface Claimable {
	table: Work;
	set: (p: Slots<{ now: number }>) => SQL;
}

/**
 * `dueAt`: the latest of its first row's time, the end of its pause, and its next turn by its pace. `laterAt`: its first row after now. `slots`
 * and how many were `busy` when we looked. `paced`: 1 where what starts is to be charged.
 */
export type Lane = {
	laneId: string;
	appId: string | null;
	dueAt: number;
	laterAt: number | null;
	slots: number;
	busy: number;
	paced: number;
};
/** One on probation; else a lane's own limit, or the setting's: one that is changed counts from the next round on. */
export const slotsOf = (lane: string, perLane: SQL) =>
	sql`CASE WHEN ${sql.raw(lane)}.probation > 0 THEN 1 ELSE coalesce(${sql.raw(lane)}.max_in_flight, CAST(${perLane} AS bigint)) END`;

/** When the lease of a row ends: a lane may have a deadline of its own. */
export const leaseOf = (laneId: SQL, p: Slots<{ lease: number; deadline: number }>) =>
	sql`${p.lease} + 2 * coalesce((SELECT l.deadline_ms - ${p.deadline} FROM ${lanes} l WHERE l.id = ${laneId}), 0)`;

/** Lanes after `after`, in order, that have work: a skip scan, which ends with a null. */
export const walkOf = (table: Work, after: SQL): SQL => sql`walk(lane_id) AS (
				SELECT (SELECT lane_id FROM ${table} WHERE next_attempt_at IS NOT NULL AND lane_id > ${after} ORDER BY lane_id LIMIT 1)
				UNION ALL
				SELECT (SELECT t.lane_id FROM ${table} t WHERE t.next_attempt_at IS NOT NULL AND t.lane_id > walk.lane_id ORDER BY t.lane_id LIMIT 1)
				FROM walk WHERE walk.lane_id IS NOT NULL
			)`;

/** Lanes that have work, with their times and free slots. */
export const walking = (table: Work) =>
	compileSql<{ after: string; now: number; limit: number; perLane: number }, Lane>(
		["laneId", "appId", "dueAt", "laterAt", "slots", "busy", "paced"],
		(p) => sql`WITH RECURSIVE ${walkOf(table, p.after)}, first AS (
			SELECT walk.lane_id, (SELECT min(next_attempt_at) FROM ${table} t WHERE t.lane_id = walk.lane_id AND t.next_attempt_at IS NOT NULL) AS due_at,
				(SELECT min(next_attempt_at) FROM ${table} t WHERE t.lane_id = walk.lane_id AND t.next_attempt_at > ${p.now}) AS later_at
			FROM walk WHERE walk.lane_id IS NOT NULL LIMIT ${p.limit}
		)
		SELECT first.lane_id, l.app_id, CASE WHEN ${openAt("l")} > first.due_at THEN ${openAt("l")} ELSE first.due_at END AS due_at, first.later_at,
			${slotsOf("l", p.perLane)} AS slots,
			(SELECT count(*) FROM ${table} t WHERE t.lane_id = first.lane_id AND t.claim_id IS NOT NULL) AS busy,
			CASE WHEN l.spacing_ms IS NULL THEN 0 ELSE 1 END AS paced
		FROM first JOIN ${lanes} l ON l.id = first.lane_id WHERE true ORDER BY first.lane_id`,
	);

type Taking = { lane: string; claim: string; now: number; lease: number; deadline: number; room: number; perLane: number };

/**
 * Takes from one open lane its oldest due rows, at most its free slots, counted over all processes. What makes a row free to
 * take is said once more outside: PostgreSQL reads only that again when another claimer had the row locked.
 */
const take = ({ table, set }: Claimable, among: (rows: SQL) => SQL, guard: (p: Slots<Taking>) => SQL) =>
	compileSql<Taking, { id: string }>(
		["id"],
		(p) => sql`UPDATE ${table} SET claim_id = ${p.claim}, claimed_at = ${p.now}, next_attempt_at = ${leaseOf(p.lane, p)}, ${set(p)}
		WHERE id ${among(sql`
			SELECT id FROM ${table} WHERE lane_id = ${p.lane} AND next_attempt_at <= ${p.now} AND claim_id IS NULL
			ORDER BY next_attempt_at LIMIT coalesce((
				SELECT CASE WHEN free <= 0 OR starts <= 0 THEN 0 WHEN free <= starts AND free <= ${p.room} THEN free
					WHEN starts <= ${p.room} THEN starts ELSE ${p.room} END FROM (
					SELECT ${slotsOf("l", p.perLane)} - (SELECT count(*) FROM ${table} t WHERE t.lane_id = l.id AND t.claim_id IS NOT NULL) AS free,
						coalesce(${startsLeft("l", p.now)}, CAST(${p.room} AS bigint)) AS starts
					FROM ${lanes} l WHERE l.id = ${p.lane} AND l.not_before <= ${p.now} ${guard(p)}
				) AS slots
			), 0)
		`)} AND claim_id IS NULL AND next_attempt_at <= ${p.now} RETURNING id`,
	);
export const taking = (work: Claimable) =>
	take(
		work,
		(rows) => sql`IN (${rows})`,
		() => sql``,
	);
/**
 * Behind `lockLane` in one batch, where that has locked the lane. As an array, for of a LIMIT that is reckoned PostgreSQL
 * believes a tenth of the lane, and would rather pass over the whole table.
 */
export const takingLocked = (work: Claimable) =>
	take(
		work,
		(rows) => sql`= ANY (ARRAY(${rows}))`,
		(p) => sql`AND current_setting('jobhook.lane', true) = ${p.lane}`,
	);

/** Behind it in one batch, where the lane has a pace: what was taken is charged, and when the next may start is told. */
export const charging = ({ table }: Claimable) =>
	compileSql<{ lane: string; claim: string; now: number }, { openAt: number }>(
		["openAt"],
		(
			p,
		) => sql`UPDATE ${lanes} SET paced_at = ${paidUntil(p.now, sql`(SELECT count(*) FROM ${table} t WHERE t.lane_id = ${p.lane} AND t.claim_id = ${p.claim})`)}
		WHERE id = ${p.lane} AND spacing_ms IS NOT NULL
			AND EXISTS (SELECT 1 FROM ${table} t WHERE t.lane_id = ${p.lane} AND t.claim_id = ${p.claim}) RETURNING ${openAt("lanes")} AS open_at`,
	);

/**
 * On PostgreSQL a claimer holds its lane until it commits, and passes over one that somebody holds: so the slots it counts are
 * those of all processes. A statement of its own, for only the next one sees what the last holder has committed.
 */
export const lockLane = compileSql<{ lane: string }, { locked: string }>(
	["locked"],
	(p) => sql`SELECT set_config('jobhook.lane', held.id, true) AS locked
		FROM (SELECT id FROM ${lanes} WHERE id = ${p.lane} FOR UPDATE SKIP LOCKED) AS held`,
);
