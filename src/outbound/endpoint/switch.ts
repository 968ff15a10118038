import { and, eq, lte, ne, sql } from "drizzle-orm";
import { compile, q, type Slots } from "../../db/compile.ts";
import type { Bound } from "../../db/db.ts";
import { endpoints } from "../../db/schema.ts";
import type { Deps } from "../../deps.ts";
import { following } from "./follow.ts";
import { type EndpointView, readEndpoint } from "./read.ts";
import { dropEventTypes } from "./sql.ts";

interface One {
	app: string;
	endpoint: string;
	now: number;
}

/** Whoever enables it has seen to it: its failures count anew. */
const WELL = { failingSince: null, failedAt: null, failures: 0, failingDeliveries: 0, judgeAt: null, noticedSince: null };

export const enable = compile((p: Slots<One>) =>
	q
		.update(endpoints)
		.set({ state: "enabled", reason: null, ...WELL, succeededAt: sql`${p.now}`, unsettledAt: sql`${p.now}`, updatedAt: sql`${p.now}` })
		.where(and(eq(endpoints.appId, p.app), eq(endpoints.id, p.endpoint), eq(endpoints.state, "disabled")))
		.returning({ id: endpoints.id }),
);
/** Whoever comes first says why. */
export const disable = compile((p: Slots<One & { reason: string }>) =>
	q
		.update(endpoints)
		.set({ state: "disabled", reason: sql`${p.reason}`, unsettledAt: sql`${p.now}`, updatedAt: sql`${p.now}` })
		.where(and(eq(endpoints.appId, p.app), eq(endpoints.id, p.endpoint), eq(endpoints.state, "enabled")))
		.returning({ id: endpoints.id }),
);
/** On an answer to what it was when we sent: one that was changed or switched since is another receiver. */
const disableUnchanged = compile((p: Slots<One & { reason: string; seen: number }>) =>
	q
		.update(endpoints)
		.set({ state: "disabled", reason: sql`${p.reason}`, unsettledAt: sql`${p.now}`, updatedAt: sql`${p.now}` })
		.where(and(eq(endpoints.appId, p.app), eq(endpoints.id, p.endpoint), eq(endpoints.state, "enabled"), lte(endpoints.updatedAt, p.seen)))
		.returning({ id: endpoints.id }),
);
/** On what its failures have come to; an attempt that was acknowledged meanwhile has begun them anew. */
const disableFailing = compile((p: Slots<One & { reason: string; since: number }>) =>
	q
		.update(endpoints)
		.set({ state: "disabled", reason: sql`${p.reason}`, judgeAt: null, unsettledAt: sql`${p.now}`, updatedAt: sql`${p.now}` })
		.where(
			and(eq(endpoints.appId, p.app), eq(endpoints.id, p.endpoint), eq(endpoints.state, "enabled"), eq(endpoints.failingSince, p.since)),
		)
		.returning({ id: endpoints.id }),
);
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
	if (await switched(deps, disabling({ ...at, reason }))) deps.log.info({ app: appId, endpoint: id, reason }, "endpoint.disabled");
	return readEndpoint(deps, appId, id);
}

/** The same on the word of the receiver itself, within the batch that settles the attempt it answered. */
export function disabledByReceiver(at: One & { reason: string; seen: number }): Bound<unknown>[] {
	const { lane, moves } = following("disabled", at);
	return [disableUnchanged.bind(at), lane, ...moves];
}

/** The same where its failures, which began at `since`, have lasted too long. */
export function disabledByFailures(at: One & { reason: string; since: number }): Bound<unknown>[] {
	const { lane, moves } = following("disabled", at);
	return [disableFailing.bind(at), lane, ...moves];
}

function disabling(at: One & { reason: string }): Bound<unknown>[] {
	const { lane, moves } = following("disabled", at);
	return [disable.bind(at), lane, ...moves];
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
