import { iso, isoOrNull } from "../../core/clock.ts";
import { activeAt, readOld } from "../../core/rotation.ts";
import type { RowOf } from "../../db/db.ts";
import { type Page, valuesOf } from "../../db/page.ts";
import type { Deps } from "../../deps.ts";
import { CLOSED_UNTIL } from "./follow.ts";
import { headerNames } from "./headers.ts";
import { readRules } from "./rules.ts";
import * as sql from "./sql.ts";

type Row = RowOf<typeof sql.endpointById>;
type Ports = Pick<Deps, "db" | "clock" | "secrets">;

/** Null when this app has none of that id, or no longer. */
export async function readEndpoint(deps: Ports, appId: string, id: string) {
	const [[row], types] = await Promise.all([
		deps.db.read(sql.endpointById.bind({ app: appId, endpoint: id })),
		deps.db.read(sql.eventTypesBetween.bind({ app: appId, oldest: id, newest: id })),
	]);
	return row === undefined ? null : shown(deps, appId, row, typesIn(types));
}

/** The endpoints of one page, and one more where another page follows. */
export async function listEndpoints(deps: Ports, appId: string, page: Page) {
	const rows = await deps.db.read(sql.endpointsOfApp.bind(valuesOf(appId, page)));
	const [newest, oldest] = [rows.at(0)?.id ?? "", rows.at(-1)?.id ?? ""];
	const types = await deps.db.read(sql.eventTypesBetween.bind({ app: appId, oldest, newest }));
	const byEndpoint = Map.groupBy(types, ({ endpointId }) => endpointId);
	return rows.map((row) => shown(deps, appId, row, typesIn(byEndpoint.get(row.id) ?? [])));
}

const typesIn = (rows: { eventType: string }[]) => inOrder(rows.map(({ eventType }) => eventType));

/** Each once, in the order in which they are always shown. */
export const inOrder = (types: readonly string[]): string[] => [...new Set(types)].toSorted((a, b) => (a < b ? -1 : 1));

/** An endpoint as the API shows it. */
export function shown({ clock, secrets }: Pick<Ports, "clock" | "secrets">, appId: string, row: Row, eventTypes: string[]) {
	const { id, url, description, reason } = row;
	const now = clock.now();
	const paused = row.notBefore > now && row.notBefore !== CLOSED_UNTIL;
	const { retry, timeoutMs, maxInFlight, rate } = readRules(row);
	return {
		id,
		url,
		description,
		event_types: eventTypes,
		state: row.state === "enabled" ? ("enabled" as const) : ("disabled" as const),
		reason,
		failing_since: isoOrNull(row.failingSince),
		failures: row.failures,
		paused_until: paused ? iso(row.notBefore) : null,
		pause_reason: paused ? row.pauseReason : null,
		retry_schedule: retry === null ? ("standard" as const) : retry === "deapi" ? retry : [...retry],
		timeout_ms: timeoutMs,
		max_in_flight: maxInFlight,
		rate: rate && { limit: rate.limit, period_s: rate.periodMs / 1000 },
		previous_secrets: activeAt(readOld(row.oldSecrets), now).map(({ until }) => ({ expires_at: iso(until) })),
		header_names: headerNames(secrets, appId, id, row.headers),
		created_at: iso(row.createdAt),
		updated_at: iso(row.updatedAt),
	};
}
export type EndpointView = ReturnType<typeof shown>;
