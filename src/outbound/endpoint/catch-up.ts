import { and, asc, eq, isNotNull } from "drizzle-orm";
import { compile, q, type Slots } from "../../db/compile.ts";
import type { Bound, RowOf } from "../../db/db.ts";
import { endpoints } from "../../db/schema.ts";
import type { Deps } from "../../deps.ts";
import { alone } from "../../lanes/alone.ts";
import { AT_ONCE, following } from "./follow.ts";

export const unsettledEndpoints = compile((_: Slots<unknown>) =>
	q
		.select({ id: endpoints.id, appId: endpoints.appId, state: endpoints.state, unsettledAt: endpoints.unsettledAt })
		.from(endpoints)
		.where(isNotNull(endpoints.unsettledAt))
		.orderBy(asc(endpoints.unsettledAt))
		.limit(100),
);
export const settled = compile((p: Slots<{ endpoint: string; since: number }>) =>
	q
		.update(endpoints)
		.set({ unsettledAt: null })
		.where(and(eq(endpoints.id, p.endpoint), eq(endpoints.unsettledAt, p.since)))
		.returning({ id: endpoints.id }),
);

/** Batches for one endpoint in one round, so that the others have their turn. */
const BATCHES = 20;
/** A fan-out that read the state before a switch has long been committed by then. */
const QUIET_MS = 60_000;

/**
 * Brings deliveries after their endpoint's state: the many that one switch does not reach in its own batch, and those that
 * a fan-out beside it wrote for the state as it was. `most`: batches in all.
 */
export async function catchUpEndpoints(deps: Deps, most = 2000): Promise<void> {
	let left = most;
	for (const endpoint of await deps.db.read(unsettledEndpoints.bind({})))
		await alone(deps, { endpoint: endpoint.id }, () => catchUp(deps, endpoint, () => left-- > 0));
}

/** `mayGoOn` is asked before each batch. */
async function catchUp(deps: Deps, endpoint: RowOf<typeof unsettledEndpoints>, mayGoOn: () => boolean): Promise<void> {
	const { id, appId, state, unsettledAt } = endpoint;
	const now = deps.clock.now();
	const { lane, moves } = following(state, { app: appId, endpoint: id, now });
	for (let batch = 0; batch < BATCHES && mayGoOn(); batch++) {
		const [, ...moved] = await deps.db.batch<Bound<unknown>[]>([lane, ...moves]);
		if (moved.some((rows) => rows.length === AT_ONCE)) continue;
		if (unsettledAt !== null && now - unsettledAt >= QUIET_MS) await deps.db.batch([settled.bind({ endpoint: id, since: unsettledAt })]);
		return;
	}
}
