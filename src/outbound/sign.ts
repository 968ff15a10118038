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

/** Both header families over the same bytes. Between attempts only times and signatures differ. */
export function signedHeaders(what: Signable, secret: string, nowMs: number): Record<string, string> {
	const seconds = String(Math.floor(nowMs / 1000));
	const standard = signStandard(secret, what.eventId, seconds, what.body);
	return {
		"content-type": "application/json",
		"user-agent": "jobhook/0.1",
		"accept-encoding": "identity",
		"webhook-id": what.eventId,
		"webhook-timestamp": seconds,
		...(standard === null ? {} : { "webhook-signature": standard }),
		"x-deapi-signature": signDeapi(secret, seconds, what.body),
		"x-deapi-timestamp": seconds,
		"x-deapi-event": what.eventType,
		"x-deapi-delivery-id": hyphenated(what.eventId),
		"jobhook-delivery": what.deliveryId,
		"jobhook-attempt": String(what.attempt),
	};
}
