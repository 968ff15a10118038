import { type SQL, sql } from "drizzle-orm";
import { DEFAULT_APP } from "../../core/default-app.ts";
import { compileSql, type Slots } from "../../db/compile.ts";
import { apps, counters, deliveries, endpoints, events, lanes } from "../../db/schema.ts";
import { NOTICE_TYPES } from "./types.ts";

/** What is stored of every notice. `about` with `revision` is what it is once for; `body` is what its callbacks carry. */
export interface Raised {
	event: string;
	about: string;
	type: string;
	revision: number;
	body: string;
	now: number;
}

/** Their types, for an IN. */
export const TYPES = sql.raw(NOTICE_TYPES.map((type) => `'${type}'`).join(", "));
const operatorApp = sql.raw(`'${DEFAULT_APP}'`);
/** Only where its fact is true now, and once, however many processes notice it. */
const raise = <Guard>(guard: (p: Slots<Raised & Guard>) => SQL) =>
	compileSql<Raised & Guard, { id: string }>(
		["id"],
		(p) => sql`INSERT INTO ${events} (id, app_id, job_id, type, revision, body, created_at)
		SELECT ${p.event}, operator.id, ${p.about}, ${p.type}, ${p.revision}, ${p.body}, ${p.now} FROM ${apps} operator
		WHERE operator.name = ${operatorApp} AND ${guard(p)} ON CONFLICT DO NOTHING RETURNING id`,
	);
const endpointIs = (id: SQL, what: SQL) => sql`EXISTS (SELECT 1 FROM ${endpoints} ep WHERE ep.id = ${id} AND ${what})`;

export const raiseFailing = raise<{ endpoint: string; since: number }>((p) =>
	endpointIs(p.endpoint, sql`ep.state = 'enabled' AND ep.failing_since = ${p.since}`),
);
/** Only after the notice that it fails. */
export const raiseRecovered = raise<{ endpoint: string; since: number; failing: string }>(
	(p) => sql`${endpointIs(p.endpoint, sql`ep.state = 'enabled' AND ep.failing_since IS NULL AND ep.succeeded_at >= ${p.since}`)}
		AND EXISTS (SELECT 1 FROM ${events} f WHERE f.job_id = ${p.failing} AND f.revision = ${p.since})`,
);
/** `revision` is when. */
export const raiseDisabled = raise<{ endpoint: string; reason: string }>((p) =>
	endpointIs(p.endpoint, sql`ep.state = 'disabled' AND ep.updated_at = ${p.now} AND ep.reason = ${p.reason}`),
);

const counted = sql.raw("ON CONFLICT (name) DO UPDATE SET value = counters.value + 1");

interface Ended {
	delivery: string;
	n: number;
	now: number;
}
/** This attempt of it was the last one: no later one that ended in the same millisecond, nor an earlier one that came back. */
const wasExhausted = (p: Slots<Ended>) =>
	sql`d.id = ${p.delivery} AND d.state = 'exhausted' AND d.ended_at = ${p.now} AND d.attempts = ${p.n}`;
const NOT_OF_A_NOTICE = sql`d.event_type NOT IN (${TYPES})`;

export const raiseExhausted = raise<{ delivery: string; n: number }>(
	(p) => sql`EXISTS (SELECT 1 FROM ${deliveries} d WHERE ${wasExhausted(p)} AND ${NOT_OF_A_NOTICE})`,
);
export const countExhausted = compileSql<Ended, { name: string }>(
	["name"],
	(p) => sql`INSERT INTO ${counters} (name, value) SELECT 'delivery.exhausted', 1 FROM ${deliveries} d
		WHERE ${wasExhausted(p)} AND ${NOT_OF_A_NOTICE} ${counted} RETURNING name`,
);
/** Where it was a notice that did not arrive: for the log. */
export const noticeExhausted = compileSql<Ended, { id: string }>(
	["id"],
	(p) => sql`SELECT d.id FROM ${deliveries} d WHERE ${wasExhausted(p)} AND NOT (${NOT_OF_A_NOTICE})`,
);

/** The pause that was just written is the first one in a row for its reason. */
export const raisePaused = raise<{ lane: string; until: number; reason: string }>(
	(p) =>
		sql`EXISTS (SELECT 1 FROM ${lanes} l WHERE l.id = ${p.lane} AND l.not_before = ${p.until} AND l.reason = ${p.reason} AND l.strikes = 1)`,
);

/** Once for each event that was stored. */
export const countEvent = compileSql<{ event: string }, { name: string }>(
	["name"],
	(p) => sql`INSERT INTO ${counters} (name, value) SELECT e.type, 1 FROM ${events} e WHERE e.id = ${p.event} ${counted} RETURNING name`,
);
/** Those of notices. */
export const countersAll = compileSql<unknown, { name: string; value: number }>(
	["name", "value"],
	() => sql`SELECT name, value FROM ${counters} WHERE name IN (${TYPES})`,
);
