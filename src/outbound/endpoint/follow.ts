import { type SQL, sql } from "drizzle-orm";
import { compileSql } from "../../db/compile.ts";
import type { Bound } from "../../db/db.ts";
import { deliveries, endpoints, lanes } from "../../db/schema.ts";
import { FORGIVEN } from "../../lanes/breaker.ts";

/*
 * What an endpoint's state means for its lane and for its deliveries. Every statement checks the state once more, so that
 * one that was decided before another switch changes nothing, and whose it is: a request may name another app's.
 */

type State = (typeof endpoints.$inferSelect)["state"];
interface Follow {
	app: string;
	endpoint: string;
	now: number;
}

/** Rows in one statement. The sweep brings the rest after, however many wait. */
export const AT_ONCE = 500;
/** The lane of an endpoint that is not enabled opens on the last day of the year 9999. */
export const CLOSED_UNTIL = Date.UTC(9999, 11, 31);

const isNow = ({ app, endpoint }: { app: unknown; endpoint: unknown }, state: State) =>
	sql`EXISTS (SELECT 1 FROM ${endpoints} ep WHERE ep.id = ${endpoint} AND ep.app_id = ${app} AND ep.state = ${sql.raw(`'${state}'`)})`;

/** From here on nothing more is claimed for it, also where rows still say pending. */
const closeLane = compileSql<Omit<Follow, "now">, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${lanes} SET not_before = ${sql.raw(String(CLOSED_UNTIL))}, reason = 'endpoint_disabled'
	WHERE id = ${p.endpoint} AND app_id = ${p.app} AND NOT ${isNow(p, "enabled")} RETURNING id`,
);
/** Only one that was closed. */
export const openLane = compileSql<Omit<Follow, "now">, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${lanes} SET not_before = 0, reason = NULL, ${FORGIVEN}
	WHERE id = ${p.endpoint} AND not_before = ${sql.raw(String(CLOSED_UNTIL))} AND ${isNow(p, "enabled")} RETURNING id`,
);

/** A new address starts without the pause that the old one asked for. */
export const liftPause = compileSql<Follow, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${lanes} SET not_before = 0, reason = NULL, ${FORGIVEN}
	WHERE id = ${p.endpoint} AND not_before <> ${sql.raw(String(CLOSED_UNTIL))}
		AND EXISTS (SELECT 1 FROM ${endpoints} ep WHERE ep.id = ${p.endpoint} AND ep.app_id = ${p.app} AND ep.receiver_since = ${p.now}) RETURNING id`,
);

const PENDING = (p: { endpoint: unknown }) =>
	sql`SELECT d.id FROM ${deliveries} d WHERE d.lane_id = ${p.endpoint} AND d.next_attempt_at IS NOT NULL AND d.claim_id IS NULL`;
/** The index wants its own words beside the state. */
const HELD = (p: { endpoint: unknown }) =>
	sql`SELECT d.id FROM ${deliveries} d WHERE d.target = ${p.endpoint} AND d.state = 'held' AND d.state IN ('held', 'exhausted', 'stopped')`;

/** The state is said in words that no index knows, so that the ids lead to the rows. */
const move = (
	from: "pending" | "held",
	state: State,
	rows: (p: { endpoint: unknown }) => SQL,
	set: (p: { endpoint: unknown; now: unknown }) => SQL,
) =>
	compileSql<Follow, { id: string }>(
		["id"],
		(p) => sql`UPDATE ${deliveries} SET ${set(p)}
		WHERE id IN (${rows(p)} LIMIT ${sql.raw(String(AT_ONCE))}) AND state || '' = ${sql.raw(`'${from}'`)} AND claim_id IS NULL
			AND ${isNow(p, state)} RETURNING id`,
	);

const stop = (p: { now: unknown }) => sql`state = 'stopped', next_attempt_at = NULL, reason = 'endpoint_deleted', ended_at = ${p.now}`;
/** What waits for a disabled endpoint is held, never dropped. What is under way settles by itself. */
export const holdPending = move(
	"pending",
	"disabled",
	PENDING,
	(p) => sql`state = 'held', next_attempt_at = NULL, reason = 'endpoint_disabled', armed_at = ${p.now}`,
);
/** What was held is due now. Held time does not make it older. */
export const releaseHeld = move(
	"held",
	"enabled",
	HELD,
	(p) => sql`state = 'pending', next_attempt_at = ${p.now}, armed_at = ${p.now}, reason = NULL`,
);
const stopPending = move("pending", "deleted", PENDING, stop);
const stopHeld = move("held", "deleted", HELD, stop);

/** The writes that bring lane and deliveries after the state, at most `AT_ONCE` rows each. */
export function following(state: State, { app, endpoint, now }: Follow): { lane: Bound<{ id: string }>; moves: Bound<{ id: string }>[] } {
	const at = { app, endpoint, now };
	switch (state) {
		case "enabled":
			return { lane: openLane.bind({ app, endpoint }), moves: [releaseHeld.bind(at)] };
		case "disabled":
			return { lane: closeLane.bind({ app, endpoint }), moves: [holdPending.bind(at)] };
		case "deleted":
			return { lane: closeLane.bind({ app, endpoint }), moves: [stopPending.bind(at), stopHeld.bind(at)] };
	}
}
