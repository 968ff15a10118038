import { type SQL, sql } from "drizzle-orm";
import { compileSql } from "../db/compile.ts";
import { lanes } from "../db/schema.ts";

/*
 * A lane's pace, by the generic cell rate algorithm: each start moves `paced_at` on by one spacing, and `burst` of them may be
 * ahead of now. In any stretch of time there are at most `burst` and what its length allows.
 */

/** Milliseconds. */
type At = SQL | ReturnType<typeof sql.raw>;

/** How many may start now; null where the lane has no pace. Negative while its pace was just made slower. */
export const startsLeft = (lane: string, now: At): SQL => {
	const [spacing, burst, paced] = ["spacing_ms", "burst", "paced_at"].map((name) => sql.raw(`${lane}.${name}`)) as [At, At, At];
	// SQLite takes a number that is bound for a fraction: it would divide like one, and takes no fraction for a LIMIT
	const at = sql`CAST(${now} AS bigint)`;
	return sql`CASE WHEN ${spacing} IS NULL THEN NULL
		ELSE (${burst} * ${spacing} - CASE WHEN ${paced} > ${at} THEN ${paced} - ${at} ELSE 0 END) / ${spacing} END`;
};

/** When the lane may start one: open, and paid off. Before now where it may already. */
export const openAt = (lane: string): SQL => {
	const l = (name: string) => sql.raw(`${lane}.${name}`);
	const paid = sql`${l("paced_at")} - (${l("burst")} - 1) * coalesce(${l("spacing_ms")}, 0)`;
	return sql`CASE WHEN ${l("not_before")} > ${paid} THEN ${l("not_before")} ELSE ${paid} END`;
};

/** Sets a lane's pace; `keep` 1: unless it has one. */
export const paceLane = compileSql<{ lane: string; spacing: number; burst: number; keep: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${lanes} SET spacing_ms = ${p.spacing}, burst = ${p.burst} WHERE id = ${p.lane}
		AND (spacing_ms IS NULL OR (${p.keep} = 0 AND spacing_ms <> ${p.spacing})) RETURNING id`,
);

/** No pace is this slow: a time so far ahead is from before the clock was set back. */
const FAR_AHEAD_MS = 600_000;
const mendPace = compileSql<{ lane: string; now: number; most: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${lanes} SET paced_at = ${p.now} WHERE id = ${p.lane} AND paced_at > ${p.most} RETURNING id`,
);
export const mended = (lane: string, now: number) => mendPace.bind({ lane, now, most: now + FAR_AHEAD_MS });

/** `paced_at` after so many more starts. */
export const paidUntil = (now: SQL, starts: SQL): SQL =>
	sql`CASE WHEN paced_at > ${now} THEN paced_at ELSE CAST(${now} AS bigint) END + coalesce(spacing_ms, 0) * ${starts}`;

/** One start that did not wait for its turn: those behind it wait longer. */
export const chargeLane = compileSql<{ lane: string; now: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${lanes} SET paced_at = ${paidUntil(p.now, sql`1`)} WHERE id = ${p.lane} AND spacing_ms IS NOT NULL RETURNING id`,
);
/** The same only where one may start now. */
export const takeTurn = compileSql<{ lane: string; now: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${lanes} SET paced_at = ${paidUntil(p.now, sql`1`)}
	WHERE id = ${p.lane} AND not_before <= ${p.now} AND coalesce(${startsLeft("lanes", p.now)}, 1) > 0 RETURNING id`,
);

/** Of a provider's limit some is left to others that use the same account, and to requests that arrive closer than they left. */
const SHARE = 0.8;
const BURST_SHARE = 0.1;

/** The pace that stays inside so many a minute. */
export const paceOf = (perMinute: number): { spacing: number; burst: number } => ({
	spacing: Math.ceil(60_000 / (perMinute * SHARE)),
	burst: Math.max(1, Math.floor(perMinute * BURST_SHARE)),
});
