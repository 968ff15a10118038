import { hyphenated } from "../core/ids.ts";
import { signDeapi, signStandard } from "../core/signature.ts";

export interface Signable {
	eventId: string;
	eventType: string;
	deliveryId: string;
	/** From 1. */
	attempt: number;
	body: string;
}

/** All that sign now: the current one, then those before it, the one replaced last first. */
export type Secrets = readonly [current: string, ...older: string[]];

/**
 * Both header families over the same bytes. Between attempts only times and signatures differ.
 * Standard Webhooks has room for a signature of each secret. deAPI's header holds one: the oldest secret's, for its
 * receivers know one secret each and change over until the overlap ends.
 */
export function signedHeaders(what: Signable, secrets: Secrets, nowMs: number): Record<string, string> {
	const seconds = String(Math.floor(nowMs / 1000));
	const standard = secrets.flatMap((secret) => signStandard(secret, what.eventId, seconds, what.body) ?? []);
	const oldest = secrets.at(-1) ?? secrets[0];
	return {
		"content-type": "application/json",
		"user-agent": "jobhook/0.1",
		"accept-encoding": "identity",
		"webhook-id": what.eventId,
		"webhook-timestamp": seconds,
		...(standard.length === 0 ? {} : { "webhook-signature": standard.join(" ") }),
		"x-deapi-signature": signDeapi(oldest, seconds, what.body),
		"x-deapi-timestamp": seconds,
		"x-deapi-event": what.eventType,
		"x-deapi-delivery-id": hyphenated(what.eventId),
		"jobhook-delivery": what.deliveryId,
		"jobhook-attempt": String(what.attempt),
	};
}
