import { and, desc, eq, gte, lte, ne, type SQL, sql } from "drizzle-orm";
import { compile, compileSql, q, type Slots } from "../../db/compile.ts";
import { insertRow, insertWhere } from "../../db/insert.ts";
import { inPage, type PageSlots } from "../../db/page.ts";
import { endpointEventTypes, endpoints, lanes } from "../../db/schema.ts";
import type { StoredRules } from "./rules.ts";

type Endpoint = typeof endpoints.$inferSelect;
interface One {
	app: string;
	endpoint: string;
}

/** Rules of its own; null: the settings' count. */
const RULES = sql.raw("retry, timeout_ms, max_in_flight, rate_limit, rate_period_ms, headers");
type Rules = Pick<Endpoint, "retry" | "timeoutMs" | "maxInFlight" | "rateLimit" | "ratePeriodMs" | "headers">;
type Made = Pick<Endpoint, "id" | "appId" | "url" | "description" | "secret" | "createdAt"> & Rules;

/** The next place of its app, never one that was taken before; two that are made at once clash on it. */
export const insertEndpoint = compileSql<Made, { place: number }>(
	["place"],
	(
		p,
	) => sql`INSERT INTO ${endpoints} (id, app_id, place, url, description, secret, state, ${RULES}, receiver_since, succeeded_at, created_at, updated_at)
		SELECT ${p.id}, ${p.appId}, coalesce(max(place), 0) + 1, ${p.url}, ${p.description}, ${p.secret}, 'enabled',
			${p.retry}, ${p.timeoutMs}, ${p.maxInFlight}, ${p.rateLimit}, ${p.ratePeriodMs}, ${p.headers}, ${p.createdAt}, ${p.createdAt}, ${p.createdAt}, ${p.createdAt}
		FROM ${endpoints} WHERE app_id = ${p.appId} RETURNING place`,
);
export const insertEventType = insertRow(endpointEventTypes, { orIgnore: true });

const columns = {
	id: endpoints.id,
	url: endpoints.url,
	description: endpoints.description,
	state: endpoints.state,
	reason: endpoints.reason,
	retry: endpoints.retry,
	timeoutMs: endpoints.timeoutMs,
	maxInFlight: endpoints.maxInFlight,
	rateLimit: endpoints.rateLimit,
	ratePeriodMs: endpoints.ratePeriodMs,
	oldSecrets: endpoints.oldSecrets,
	headers: endpoints.headers,
	failingSince: endpoints.failingSince,
	failures: endpoints.failures,
	notBefore: sql<number>`${lanes.notBefore}`.as("not_before"),
	pauseReason: sql<string | null>`${lanes.reason}`.as("pause_reason"),
	createdAt: endpoints.createdAt,
	updatedAt: endpoints.updatedAt,
};
const selected = () => q.select(columns).from(endpoints).innerJoin(lanes, eq(lanes.id, endpoints.id));
const isThere = (p: Slots<One>) => and(eq(endpoints.appId, p.app), eq(endpoints.id, p.endpoint), ne(endpoints.state, "deleted"));

export const endpointById = compile((p: Slots<One>) => selected().where(isThere(p)));

export const endpointsOfApp = compile((p: PageSlots) =>
	selected()
		.where(and(eq(endpoints.appId, p.app), inPage(endpoints.id, p), ne(endpoints.state, "deleted")))
		.orderBy(desc(endpoints.id))
		.limit(sql.placeholder("rows")),
);

/** Of one endpoint, or of those of one page. A range of ids, for SQLite would rather go through all types of the app. */
export const eventTypesBetween = compile((p: Slots<{ app: string; oldest: string; newest: string }>) =>
	q
		.select({ endpointId: endpointEventTypes.endpointId, eventType: endpointEventTypes.eventType })
		.from(endpointEventTypes)
		.where(
			and(eq(endpointEventTypes.appId, p.app), gte(endpointEventTypes.endpointId, p.oldest), lte(endpointEventTypes.endpointId, p.newest)),
		),
);

/** Each field is taken, null too, where its `set…` is 1. */
export const changeEndpoint = compileSql<Change, { id: string }>(["id"], (p) => {
	const given = (set: SQL, value: SQL, type: "text" | "bigint", column: string) =>
		sql`${sql.raw(column)} = CASE WHEN ${set} = 1 THEN CAST(${value} AS ${sql.raw(type)}) ELSE ${sql.raw(column)} END`;
	return sql`UPDATE ${endpoints} SET url = coalesce(${p.url}, url), updated_at = ${p.now},
		receiver_since = CASE WHEN url <> ${p.url} THEN CAST(${p.now} AS bigint) ELSE receiver_since END,
		failures = CASE WHEN ${p.setRetry} = 1 AND coalesce(retry, '') <> coalesce(${p.retry}, '') THEN 0 ELSE failures END,
		${given(p.setDescription, p.description, "text", "description")}, ${given(p.setRetry, p.retry, "text", "retry")},
		${given(p.setTimeout, p.timeoutMs, "bigint", "timeout_ms")}, ${given(p.setMaxInFlight, p.maxInFlight, "bigint", "max_in_flight")},
		${given(p.setRate, p.rateLimit, "bigint", "rate_limit")}, ${given(p.setRate, p.ratePeriodMs, "bigint", "rate_period_ms")},
		${given(p.setHeaders, p.headers, "text", "headers")}
	WHERE app_id = ${p.app} AND id = ${p.endpoint} AND state <> 'deleted' RETURNING id`;
});
interface Change extends One, StoredRules {
	now: number;
	/** Null: as it is. */
	url: string | null;
	setDescription: number;
	description: string | null;
	setRetry: number;
	setTimeout: number;
	setMaxInFlight: number;
	setRate: number;
	setHeaders: number;
	/** Sealed. */
	headers: string | null;
}
/**
 * Its lane keeps to its rules: slots, the deadline that leases are reckoned from, and the rate as a pace, evenly. What was
 * charged at the old pace is forgiven but for one start at the new one.
 */
export const limitLane = compileSql<One & { now: number }, { id: string }>(["id"], (p) => {
	const of = (value: SQL) => sql`(SELECT ${value} FROM ${endpoints} ep WHERE ep.id = ${lanes}.id)`;
	const spacing = of(sql`(ep.rate_period_ms + ep.rate_limit - 1) / ep.rate_limit`);
	return sql`UPDATE ${lanes} SET max_in_flight = ${of(sql`ep.max_in_flight`)}, deadline_ms = ${of(sql`ep.timeout_ms`)}, spacing_ms = ${spacing},
		paced_at = CASE WHEN ${spacing} IS NULL THEN 0 WHEN paced_at > ${p.now} + ${spacing} THEN ${p.now} + ${spacing} ELSE paced_at END
	WHERE id = ${p.endpoint} AND app_id = ${p.app} RETURNING id`;
});
export const dropEventTypes = compileSql<One, { endpointId: string }>(
	["endpointId"],
	(p) => sql`DELETE FROM ${endpointEventTypes} WHERE app_id = ${p.app} AND endpoint_id BETWEEN ${p.endpoint} AND ${p.endpoint}
		RETURNING endpoint_id`,
);
/** Only where the endpoint is (still) there. */
export const subscribe = insertWhere<typeof endpointEventTypes>(
	endpointEventTypes,
	(p) =>
		sql`FROM ${endpoints} WHERE ${endpoints.appId} = ${p.appId} AND ${endpoints.id} = ${p.endpointId} AND ${endpoints.state} <> 'deleted'`,
);

export const secretsOf = compile((p: Slots<One>) =>
	q.select({ secret: endpoints.secret, oldSecrets: endpoints.oldSecrets }).from(endpoints).where(isThere(p)),
);
/** Only over the one that was seen: a rotation that came in between is not lost. */
export const replaceSecret = compile((p: Slots<One & { seen: string; secret: string; oldSecrets: string | null; now: number }>) =>
	q
		.update(endpoints)
		.set({ secret: sql`${p.secret}`, oldSecrets: sql`${p.oldSecrets}`, updatedAt: sql`${p.now}` })
		.where(and(isThere(p), eq(endpoints.secret, p.seen)))
		.returning({ id: endpoints.id }),
);

/** For a signed sample: where it goes, and what it carries. */
export const receiverOf = compile((p: Slots<One>) =>
	q
		.select({
			url: endpoints.url,
			timeoutMs: endpoints.timeoutMs,
			secret: endpoints.secret,
			oldSecrets: endpoints.oldSecrets,
			headers: endpoints.headers,
		})
		.from(endpoints)
		.where(isThere(p)),
);
