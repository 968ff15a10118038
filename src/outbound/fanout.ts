import { type SQL, sql } from "drizzle-orm";
import { compileSql, type Slots } from "../db/compile.ts";
import type { Bound } from "../db/db.ts";
import { deliveries, endpointEventTypes, endpoints, events } from "../db/schema.ts";
import { newLane } from "../lanes/lane.ts";

/** The job's own callback, as far as it wants this event. */
export interface JobTarget {
	appId: string;
	url: string;
	/** Signed with a secret of its own: then the job's URL is told even where an endpoint has the same one. */
	ownSecret: boolean;
}

export const laneOfUrl = (appId: string, url: string): string => `url:${appId}:${new URL(url).origin}`;

/*
 * A delivery's id is the event's with its last six digits replaced by the endpoint's place in its app, 0 for the job's own
 * URL: unique, made in SQL, and it still reads as a UUIDv7.
 */
const COLUMNS = sql.raw(
	"id, app_id, job_id, event_id, event_type, target, state, lane_id, next_attempt_at, claim_id, claimed_at, attempts, failures, reason, armed_at, created_at, ended_at",
);
const idAt = (place: ReturnType<typeof sql>) => sql`'dlv_' || substr(e.id, 5, 26) || substr(CAST(1000000 + ${place} AS text), 2, 6)`;

type Made = { id: string; at: number | null };

interface Fanned {
	event: string;
	now: number;
}
const toEndpointsWhere = <Extra>(extra: (p: Slots<Extra>) => SQL) =>
	compileSql<Fanned & Extra, Made>(
		["id", "at"],
		(p) => sql`INSERT INTO ${deliveries} (${COLUMNS})
		SELECT ${idAt(sql`ep.place`)}, e.app_id, e.job_id, e.id, e.type, ep.id,
			CASE WHEN ep.state = 'enabled' THEN 'pending' ELSE 'held' END, ep.id,
			CASE WHEN ep.state = 'enabled' THEN CAST(${p.now} AS bigint) END, NULL, NULL, 0, 0,
			CASE WHEN ep.state = 'enabled' THEN NULL ELSE 'endpoint_disabled' END, ${p.now}, ${p.now}, NULL
		FROM ${events} e
		JOIN ${endpointEventTypes} t ON t.app_id = e.app_id AND t.event_type = e.type
		JOIN ${endpoints} ep ON ep.id = t.endpoint_id
		WHERE e.id = ${p.event} AND ep.state <> 'deleted' AND ${extra(p)} RETURNING id, next_attempt_at AS at`,
	);
const toEndpoints = toEndpointsWhere<{ jobUrl: string; ownSecret: number }>(
	(p) => sql`(ep.url <> ${p.jobUrl} OR (ep.state = 'enabled' AND ${p.ownSecret} = 0))`,
);
/** But for one, and for those of the same URL. */
const toOtherEndpoints = toEndpointsWhere<{ except: string }>(
	(p) => sql`NOT EXISTS (SELECT 1 FROM ${endpoints} subject WHERE subject.id = ${p.except} AND subject.url = ep.url)`,
);

const toJobUrl = compileSql<{ event: string; now: number; lane: string; url: string; ownSecret: number }, Made>(
	["id", "at"],
	(p) => sql`INSERT INTO ${deliveries} (${COLUMNS})
		SELECT ${idAt(sql`0`)}, e.app_id, e.job_id, e.id, e.type, 'job', 'pending', ${p.lane}, ${p.now}, NULL, NULL, 0, 0, NULL, ${p.now}, ${p.now}, NULL
		FROM ${events} e
		WHERE e.id = ${p.event} AND (${p.ownSecret} = 1 OR NOT EXISTS (
			SELECT 1 FROM ${endpointEventTypes} t JOIN ${endpoints} ep ON ep.id = t.endpoint_id
			WHERE t.app_id = e.app_id AND t.event_type = e.type AND ep.url = ${p.url} AND ep.state = 'enabled'
		)) RETURNING id, next_attempt_at AS at`,
);

/** News of a job's way is not sent any more once its end is recorded. One that is under way settles by itself. */
const supersede = compileSql<{ app: string; job: string; event: string; now: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${deliveries} SET state = 'superseded', next_attempt_at = NULL, ended_at = ${p.now}
		WHERE app_id = ${p.app} AND job_id = ${p.job} AND state IN ('pending', 'held') AND claim_id IS NULL AND event_id <> ${p.event}
			AND EXISTS (SELECT 1 FROM ${events} e WHERE e.id = ${p.event}) RETURNING id`,
);

/**
 * The statements that turn a stored event into deliveries; they do nothing where the event was not stored. `makes` return
 * what they made, and when it is due: null where it is held.
 */
export function fanOut(fact: { eventId: string; appId: string; jobId: string; terminal: boolean; now: number; target: JobTarget | null }): {
	makes: Bound<Made>[];
	rest: Bound<unknown>[];
} {
	const { eventId: event, appId: app, jobId: job, now, target } = fact;
	const makes = [toEndpoints.bind({ event, now, jobUrl: target?.url ?? "", ownSecret: target?.ownSecret ? 1 : 0 })];
	const rest: Bound<unknown>[] = [];
	if (target !== null) {
		const lane = laneOfUrl(target.appId, target.url);
		rest.push(newLane({ id: lane, kind: "url", appId: target.appId }));
		makes.push(toJobUrl.bind({ event, now, lane, url: target.url, ownSecret: target.ownSecret ? 1 : 0 }));
	}
	if (fact.terminal) rest.push(supersede.bind({ app, job, event, now }));
	return { makes, rest };
}

/** The same for an event of no job, which goes to endpoints only, but for one, and for those of the same URL. */
export const fanOutNotice = (fact: { event: string; now: number; except: string | null }): Bound<Made> =>
	toOtherEndpoints.bind({ event: fact.event, now: fact.now, except: fact.except ?? "" });
