import { type SQL, sql } from "drizzle-orm";
import { compileSql, type Slots } from "../db/compile.ts";
import { endpoints, lanes } from "../db/schema.ts";

interface Pause {
	lane: string;
	until: number;
	reason: string;
}
const pausing = <Extra>(extra: (p: Slots<Pause & Extra>) => SQL) =>
	compileSql<Pause & Extra, { id: string }>(
		["id"],
		(p) =>
			sql`UPDATE ${lanes} SET not_before = ${p.until}, reason = ${p.reason} WHERE id = ${p.lane} AND not_before < ${p.until} ${extra(p)} RETURNING id`,
	);
/** Nothing is taken from the lane before `until`. A pause that reaches further stays. */
export const pauseLane = pausing<unknown>(() => sql``);
/** The same on the word of a receiver that was claimed for then. */
export const pauseReceiver = pausing<{ claimed: number }>((p) => sql`AND ${sameReceiver(p.claimed)}`);

/** The endpoint of the lane, if it has one, is still the receiver it was then. */
export const sameReceiver = (then: SQL): SQL =>
	sql`NOT EXISTS (SELECT 1 FROM ${endpoints} ep WHERE ep.id = ${lanes}.id AND ep.receiver_since > ${then})`;

/** An open lane that was turned away rests; a pause that several ask for at once counts once. */
export const strikeLane = compileSql<{ lane: string; now: number; until: number; reason: string }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${lanes} SET not_before = ${p.until}, reason = ${p.reason}, strikes = strikes + 1
	WHERE id = ${p.lane} AND not_before <= ${p.now} RETURNING id`,
);

/**
 * All lanes of one kind of an account that are open: a pause that several senders ask for at once counts once. Another reason
 * than the one before begins a new row.
 */
export const pauseAccount = compileSql<{ account: string; kind: string; now: number; until: number; reason: string }, { id: string }>(
	["id"],
	(
		p,
	) => sql`UPDATE ${lanes} SET not_before = ${p.until}, reason = ${p.reason}, strikes = CASE WHEN reason = ${p.reason} THEN strikes + 1 ELSE 1 END
	WHERE account_id = ${p.account} AND kind = ${p.kind} AND not_before <= ${p.now} RETURNING id`,
);

export const laneWorks = compileSql<{ lane: string }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${lanes} SET strikes = 0, reason = NULL WHERE id = ${p.lane} AND strikes > 0 RETURNING id`,
);

const FIRST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = 600_000;

/** 30 s, doubling to 10 min. */
export const pauseMs = (strikes: number): number => Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(strikes, 20));
