import { sql } from "drizzle-orm";
import { compileSql } from "../db/compile.ts";
import { lanes } from "../db/schema.ts";

/** Nothing is taken from the lane before `until`. A pause that reaches further stays. */
export const pauseLane = compileSql<{ lane: string; until: number; reason: string }, { id: string }>(
	["id"],
	(p) =>
		sql`UPDATE ${lanes} SET not_before = ${p.until}, reason = ${p.reason} WHERE id = ${p.lane} AND not_before < ${p.until} RETURNING id`,
);

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
