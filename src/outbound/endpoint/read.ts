import { iso } from "../../core/clock.ts";
import type { RowOf } from "../../db/db.ts";
import { type Page, valuesOf } from "../../db/page.ts";
import type { Deps } from "../../deps.ts";
import * as sql from "./sql.ts";

type Row = RowOf<typeof sql.endpointById>;

/** Null when this app has none of that id, or no longer. */
export async function readEndpoint(deps: Pick<Deps, "db">, appId: string, id: string) {
	const [[row], types] = await Promise.all([
		deps.db.read(sql.endpointById.bind({ app: appId, endpoint: id })),
		deps.db.read(sql.eventTypesBetween.bind({ app: appId, oldest: id, newest: id })),
	]);
	return row === undefined ? null : shown(row, typesIn(types));
}

/** The endpoints of one page, and one more where another page follows. */
export async function listEndpoints(deps: Pick<Deps, "db">, appId: string, page: Page) {
	const rows = await deps.db.read(sql.endpointsOfApp.bind(valuesOf(appId, page)));
	const [newest, oldest] = [rows.at(0)?.id ?? "", rows.at(-1)?.id ?? ""];
	const types = await deps.db.read(sql.eventTypesBetween.bind({ app: appId, oldest, newest }));
	const byEndpoint = Map.groupBy(types, ({ endpointId }) => endpointId);
	return rows.map((row) => shown(row, typesIn(byEndpoint.get(row.id) ?? [])));
}

const typesIn = (rows: { eventType: string }[]) => inOrder(rows.map(({ eventType }) => eventType));

/** Each once, in the order in which they are always shown. */
export const inOrder = (types: readonly string[]): string[] => [...new Set(types)].toSorted((a, b) => (a < b ? -1 : 1));

/** An endpoint as the API shows it. */
export function shown(row: Row, eventTypes: string[]) {
	const { id, url, description, reason, createdAt, updatedAt } = row;
	const state = row.state === "enabled" ? ("enabled" as const) : ("disabled" as const);
	return { id, url, description, event_types: eventTypes, state, reason, created_at: iso(createdAt), updated_at: iso(updatedAt) };
}
export type EndpointView = ReturnType<typeof shown>;
