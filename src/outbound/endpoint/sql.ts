import { and, desc, eq, gte, lte, ne, sql } from "drizzle-orm";
import { compile, compileSql, q, type Slots } from "../../db/compile.ts";
import { insertRow, insertWhere } from "../../db/insert.ts";
import { inPage, type PageSlots } from "../../db/page.ts";
import { endpointEventTypes, endpoints } from "../../db/schema.ts";

type Endpoint = typeof endpoints.$inferSelect;
interface One {
	app: string;
	endpoint: string;
}

/** The next place of its app, never one that was taken before; two that are made at once clash on it. */
export const insertEndpoint = compileSql<Omit<Endpoint, "place">, { place: number }>(
	["place"],
	(p) => sql`INSERT INTO ${endpoints} (id, app_id, place, url, description, secret, state, reason, unsettled_at, created_at, updated_at)
		SELECT ${p.id}, ${p.appId}, coalesce(max(place), 0) + 1, ${p.url}, ${p.description}, ${p.secret}, ${p.state}, ${p.reason},
			${p.unsettledAt}, ${p.createdAt}, ${p.updatedAt}
		FROM ${endpoints} WHERE app_id = ${p.appId} RETURNING place`,
);
export const insertEventType = insertRow(endpointEventTypes, { orIgnore: true });

const columns = {
	id: endpoints.id,
	url: endpoints.url,
	description: endpoints.description,
	state: endpoints.state,
	reason: endpoints.reason,
	createdAt: endpoints.createdAt,
	updatedAt: endpoints.updatedAt,
};
const isThere = (p: Slots<One>) => and(eq(endpoints.appId, p.app), eq(endpoints.id, p.endpoint), ne(endpoints.state, "deleted"));

export const endpointById = compile((p: Slots<One>) => q.select(columns).from(endpoints).where(isThere(p)));

export const endpointsOfApp = compile((p: PageSlots) =>
	q
		.select(columns)
		.from(endpoints)
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

/** What is null stays as it is; a description is taken, null too, where `describe` is 1. */
export const changeEndpoint = compileSql<
	One & { url: string | null; describe: number; description: string | null; now: number },
	{ id: string }
>(
	["id"],
	(p) => sql`UPDATE ${endpoints} SET url = coalesce(${p.url}, url), updated_at = ${p.now},
		description = CASE WHEN ${p.describe} = 1 THEN CAST(${p.description} AS text) ELSE description END
	WHERE app_id = ${p.app} AND id = ${p.endpoint} AND state <> 'deleted' RETURNING id`,
);
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

export const replaceSecret = compile((p: Slots<One & { secret: string; now: number }>) =>
	q
		.update(endpoints)
		.set({ secret: sql`${p.secret}`, updatedAt: sql`${p.now}` })
		.where(isThere(p))
		.returning({ id: endpoints.id }),
);

/** For a signed sample: address and secret. */
export const addressOf = compile((p: Slots<One>) =>
	q.select({ url: endpoints.url, secret: endpoints.secret }).from(endpoints).where(isThere(p)),
);
