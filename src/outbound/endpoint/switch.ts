import { and, eq, ne, type SQL, sql } from "drizzle-orm";
import { compile, compileSql, q, type Slots } from "../../db/compile.ts";
import type { Bound, Stmt } from "../../db/db.ts";
import { endpoints } from "../../db/schema.ts";
import type { Deps } from "../../deps.ts";
import { following } from "./follow.ts";
import { wellSince } from "./health.ts";
import { type EndpointView, readEndpoint } from "./read.ts";
import { dropEventTypes } from "./sql.ts";

interface One {
	app: string;
	endpoint: string;
	now: number;
}

/** Whoever enables it has seen to it: its failures count anew. */
export const enable = compileSql<One, { id: string }>(
	["id"],
	(
		p,
	) => sql`UPDATE ${endpoints} SET state = 'enabled', reason = NULL, ${wellSince(p.now)}, unsettled_at = ${p.now}, updated_at = ${p.now}, receiver_since = ${p.now}
	WHERE app_id = ${p.app} AND id = ${p.endpoint} AND state = 'disabled' RETURNING id`,
);

interface Disabling extends One {
	reason: string;
}
/** Whoever comes first says why. */
const disableWhere = <Extra>(extra: (p: Slots<Disabling & Extra>) => SQL) =>
	compileSql<Disabling & Extra, { id: string }>(
		["id"],
		(
			p,
		) => sql`UPDATE ${endpoints} SET state = 'disabled', reason = ${p.reason}, judge_at = NULL, unsettled_at = ${p.now}, updated_at = ${p.now}, receiver_since = ${p.now}
		WHERE app_id = ${p.app} AND id = ${p.endpoint} AND state = 'enabled' AND ${extra(p)} RETURNING id`,
	);
export const disable = disableWhere<unknown>(() => sql`true`);
/** On an answer to what it was when we sent: one that was given another URL or switched since is another receiver. */
const disableUnchanged = disableWhere<{ seen: number }>((p) => sql`receiver_since <= ${p.seen}`);
/** On what its failures have come to; an attempt that was acknowledged meanwhile has begun them anew. */
const disableFailing = disableWhere<{ since: number }>((p) => sql`failing_since = ${p.since}`);

/** The row stays for the history of its deliveries, without its secrets and headers. */
export const remove = compile((p: Slots<One>) =>
	q
		.update(endpoints)
		.set({
			state: "deleted",
			secret: "",
			oldSecrets: null,
			headers: null,
			reason: null,
			unsettledAt: sql`${p.now}`,
			updatedAt: sql`${p.now}`,
		})
		.where(and(eq(endpoints.appId, p.app), eq(endpoints.id, p.endpoint), ne(endpoints.state, "deleted")))
		.returning({ id: endpoints.id }),
);

/** What was held is sent from now on. Null when this app has none of that id; one that is enabled stays as it is. */
export async function enableEndpoint(deps: Deps, appId: string, id: string): Promise<EndpointView | null> {
	const at = { app: appId, endpoint: id, now: deps.clock.now() };
	const { lane, moves } = following("enabled", at);
	const [enabled = [], , ...released] = await deps.db.batch<Bound<{ id: string }>[]>([enable.bind(at), lane, ...moves]);
	if (enabled.length > 0) {
		deps.log.info({ app: appId, endpoint: id }, "endpoint.enabled");
		const first = released.flat().slice(0, deps.config.laneConcurrency);
		deps.wake(...first.map((delivery) => ({ kind: "delivery" as const, id: delivery.id, at: at.now })));
	}
	return readEndpoint(deps, appId, id);
}

/** What waits for it is held, and so is what comes. Null when this app has none of that id. */
export async function disableEndpoint(deps: Deps, appId: string, id: string): Promise<EndpointView | null> {
	const at = { app: appId, endpoint: id, now: deps.clock.now() };
	const reason = "by_request";
	if (await switched(deps, disabling(disable, { ...at, reason }))) deps.log.info({ app: appId, endpoint: id, reason }, "endpoint.disabled");
	return readEndpoint(deps, appId, id);
}

/** The same on the word of the receiver itself, within the batch that settles the attempt it answered. */
export const disabledByReceiver = (at: Disabling & { seen: number }) => disabling(disableUnchanged, at);

/** The same where its failures, which began at `since`, have lasted too long. */
export const disabledByFailures = (at: Disabling & { since: number }) => disabling(disableFailing, at);

function disabling<At extends Disabling>(stmt: Stmt<At, { id: string }>, at: At): Bound<unknown>[] {
	const { lane, moves } = following("disabled", at);
	return [stmt.bind(at), lane, ...moves];
}

/** What has not been delivered is stopped, what was stays readable. False when this app has none of that id. */
export async function deleteEndpoint(deps: Deps, appId: string, id: string): Promise<boolean> {
	const at = { app: appId, endpoint: id, now: deps.clock.now() };
	const { lane, moves } = following("deleted", at);
	const deleted = await switched(deps, [remove.bind(at), dropEventTypes.bind(at), lane, ...moves]);
	if (deleted) deps.log.info({ app: appId, endpoint: id }, "endpoint.deleted");
	return deleted;
}

async function switched(deps: Deps, work: Bound<unknown>[]): Promise<boolean> {
	const [changed] = await deps.db.batch<Bound<unknown>[]>(work);
	return changed !== undefined && changed.length > 0;
}
