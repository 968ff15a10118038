import { and, asc, eq, sql } from "drizzle-orm";
import { iso } from "../core/clock.ts";
import { newId } from "../core/ids.ts";
import { newSigningSecret } from "../core/signature.ts";
import { compile, compileSql, q, type Slots } from "../db/compile.ts";
import { insertRow } from "../db/insert.ts";
import { endpointEventTypes, endpoints } from "../db/schema.ts";
import type { Deps } from "../deps.ts";
import { newLane } from "../lanes/lane.ts";

type Endpoint = typeof endpoints.$inferSelect;
/** The next place of its app; two that are made at once clash on it, and one tries again. */
const insertEndpoint = compileSql<Omit<Endpoint, "place">, { place: number }>(
	["place"],
	(p) => sql`INSERT INTO ${endpoints} (id, app_id, place, url, description, secret, state, reason, created_at, updated_at)
		SELECT ${p.id}, ${p.appId}, coalesce(max(place), 0) + 1, ${p.url}, ${p.description}, ${p.secret}, ${p.state}, ${p.reason}, ${p.createdAt}, ${p.updatedAt}
		FROM ${endpoints} WHERE app_id = ${p.appId} RETURNING place`,
);
const insertEventType = insertRow(endpointEventTypes, { orIgnore: true });
const endpointById = compile((p: Slots<{ app: string; endpoint: string }>) =>
	q
		.select({
			id: endpoints.id,
			url: endpoints.url,
			state: endpoints.state,
			reason: endpoints.reason,
			createdAt: endpoints.createdAt,
			updatedAt: endpoints.updatedAt,
		})
		.from(endpoints)
		.where(and(eq(endpoints.appId, p.app), eq(endpoints.id, p.endpoint))),
);

const eventTypesOf = compile((p: Slots<{ app: string; endpoint: string }>) =>
	q
		.select({ eventType: endpointEventTypes.eventType })
		.from(endpointEventTypes)
		.where(and(eq(endpointEventTypes.appId, p.app), eq(endpointEventTypes.endpointId, p.endpoint)))
		.orderBy(asc(endpointEventTypes.eventType)),
);

/** Makes an endpoint with its lane. The secret is in this answer and never shown again. */
export async function createEndpoint(
	deps: Deps,
	appId: string,
	wish: { url: string; eventTypes: readonly string[]; secret: string | null },
) {
	const now = deps.clock.now();
	const id = newId("ep", now);
	const secret = wish.secret ?? newSigningSecret();
	const eventTypes = [...new Set(wish.eventTypes)].toSorted((a, b) => (a < b ? -1 : 1));
	const sealed = deps.secrets.seal(secret, { table: "endpoints", column: "secret", row: id, app: appId });
	await deps.db.batch([
		newLane({ id, kind: "endpoint", appId, maxInFlight: deps.config.laneConcurrency }),
		insertEndpoint.bind({
			id,
			appId,
			url: wish.url,
			secret: sealed,
			description: null,
			state: "enabled",
			reason: null,
			createdAt: now,
			updatedAt: now,
		}),
		...eventTypes.map((eventType) => insertEventType.bind({ appId, eventType, endpointId: id })),
	]);
	deps.log.info({ app: appId, endpoint: id }, "endpoint.created");
	return { ...shown({ id, url: wish.url, state: "enabled", reason: null, createdAt: now, updatedAt: now }, eventTypes), secret };
}

export async function readEndpoint(deps: Pick<Deps, "db">, appId: string, id: string) {
	const [row] = await deps.db.read(endpointById.bind({ app: appId, endpoint: id }));
	if (row === undefined) return null;
	const types = await deps.db.read(eventTypesOf.bind({ app: appId, endpoint: id }));
	return shown(
		row,
		types.map(({ eventType }) => eventType),
	);
}

function shown(
	row: { id: string; url: string; state: "enabled" | "disabled"; reason: string | null; createdAt: number; updatedAt: number },
	eventTypes: string[],
) {
	const { id, url, state, reason, createdAt, updatedAt } = row;
	return { id, url, event_types: eventTypes, state, reason, created_at: iso(createdAt), updated_at: iso(updatedAt) };
}
