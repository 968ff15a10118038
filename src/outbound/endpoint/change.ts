import type { Bound } from "../../db/db.ts";
import type { Deps } from "../../deps.ts";
import { liftPause } from "./follow.ts";
import { type Headers, sealHeaders } from "./headers.ts";
import { wellAgain } from "./health.ts";
import { type EndpointView, inOrder, readEndpoint } from "./read.ts";
import { NO_RULES, type Rules, stored } from "./rules.ts";
import * as sql from "./sql.ts";

/** What is absent stays as it is. */
export interface EndpointChange {
	url?: string | undefined;
	description?: string | null | undefined;
	eventTypes?: readonly string[] | undefined;
	rules?: Partial<Rules> | undefined;
	/** Replaces all of them. */
	headers?: Headers | null | undefined;
}

/** Applies from the next attempt, also to what waits already. Null when this app has none of that id. */
export async function changeEndpoint(deps: Deps, appId: string, id: string, change: EndpointChange): Promise<EndpointView | null> {
	const at = { app: appId, endpoint: id };
	const { url = null, description = null, eventTypes, rules = {} } = change;
	const now = deps.clock.now();
	const given = (value: unknown) => (value === undefined ? 0 : 1);
	const work: Bound<unknown>[] = [
		sql.changeEndpoint.bind({
			...{ ...at, now, url, setDescription: given(change.description), description },
			...{ setRetry: given(rules.retry), setTimeout: given(rules.timeoutMs) },
			...{ setHeaders: given(change.headers), headers: sealHeaders(deps.secrets, appId, id, change.headers ?? null) },
			...{ setMaxInFlight: given(rules.maxInFlight), setRate: given(rules.rate) },
			...stored({ ...NO_RULES, ...rules }),
		}),
	];
	if (Object.keys(rules).length > 0) work.push(sql.limitLane.bind({ ...at, now }));
	if (url !== null) work.push(wellAgain.bind({ ...at, now }), liftPause.bind({ ...at, now }));
	if (eventTypes !== undefined) {
		work.push(sql.dropEventTypes.bind(at));
		for (const eventType of inOrder(eventTypes)) work.push(sql.subscribe.bind({ appId, eventType, endpointId: id }));
	}
	const [changed] = await deps.db.batch<Bound<unknown>[]>(work);
	if (changed === undefined || changed.length === 0) return null;
	deps.log.info({ app: appId, endpoint: id, fields: Object.keys(change) }, "endpoint.changed");
	return readEndpoint(deps, appId, id);
}
