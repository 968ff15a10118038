import { iso } from "../../core/clock.ts";
import { uuid7Hex } from "../../core/ids.ts";
import type { Deps } from "../../deps.ts";
import { JobhookError } from "../../errors.ts";
import { openEndpoint } from "../credentials.ts";
import { verdictOf } from "../outcome.ts";
import { send } from "../send.ts";
import * as sql from "./sql.ts";

export interface Sample {
	eventId: string;
	eventType: string;
	body: string;
}

/**
 * One signed sample, sent now, whatever the endpoint's state: nothing is recorded, and nothing follows from the answer.
 * Null when this app has none of that id.
 */
export async function testEndpoint(deps: Deps, appId: string, id: string, sample: Sample) {
	const [endpoint] = await deps.db.read(sql.receiverOf.bind({ app: appId, endpoint: id }));
	if (endpoint === undefined) return null;
	const startedAt = deps.clock.now();
	const { url, timeoutMs } = endpoint;
	const credentials = openEndpoint(deps, { app: appId, target: id }, endpoint, startedAt);
	if (credentials === null) throw new JobhookError("not_possible", "no master key opens its secret or its headers; see JOBHOOK_MASTER_KEY");
	const what = { ...sample, deliveryId: `dlv_${uuid7Hex(startedAt)}`, attempt: 1 };
	const answer = await send(deps, what, { url, timeoutMs, ...credentials });
	const verdict = verdictOf(answer);
	const status = answer.kind === "response" ? answer.status : null;
	const durationMs = deps.clock.now() - startedAt;
	deps.log.info({ app: appId, endpoint: id, reason: verdict.reason, status, ms: durationMs }, "endpoint.tested");
	return {
		event: sample.eventId,
		url,
		acknowledged: verdict.kind === "delivered",
		reason: verdict.reason,
		status,
		sent_at: iso(startedAt),
		duration_ms: durationMs,
		response: answer.kind === "response" ? answer.body : null,
	};
}
