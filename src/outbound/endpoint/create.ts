import { newId } from "../../core/ids.ts";
import { placeOfEndpointSecret } from "../../core/places.ts";
import { newSigningSecret } from "../../core/signature.ts";
import { type Bound, ConstraintError } from "../../db/db.ts";
import type { Deps } from "../../deps.ts";
import { JobhookError } from "../../errors.ts";
import { newLane } from "../../lanes/lane.ts";
import { type Headers, sealHeaders } from "./headers.ts";
import { inOrder, shown } from "./read.ts";
import { type Rules, stored } from "./rules.ts";
import * as sql from "./sql.ts";

export interface EndpointWish {
	url: string;
	description: string | null;
	eventTypes: readonly string[];
	/** Null: one is made. */
	secret: string | null;
	rules: Rules;
	headers: Headers | null;
}

const MADE = {
	state: "enabled",
	reason: null,
	oldSecrets: null,
	failingSince: null,
	failures: 0,
	notBefore: 0,
	pauseReason: null,
} as const;

/** Each clash means that another one was made, so a few tries do. */
const TRIES = 20;

/** Makes an endpoint with its lane. The secret is in this answer and never shown again. */
export async function createEndpoint(deps: Deps, appId: string, wish: EndpointWish) {
	const now = deps.clock.now();
	const id = newId("ep", now);
	const { url, description } = wish;
	const secret = wish.secret ?? newSigningSecret();
	const eventTypes = inOrder(wish.eventTypes);
	const sealed = deps.secrets.seal(secret, placeOfEndpointSecret(appId, id));
	const headers = sealHeaders(deps.secrets, appId, id, wish.headers);
	const row = { id, appId, url, description, secret: sealed, headers, ...stored(wish.rules), createdAt: now };
	await untilNoClash(() =>
		deps.db.batch<Bound<unknown>[]>([
			newLane({ id, kind: "endpoint", appId }),
			sql.insertEndpoint.bind(row),
			sql.limitLane.bind({ app: appId, endpoint: id, now }),
			...eventTypes.map((eventType) => sql.insertEventType.bind({ appId, eventType, endpointId: id })),
		]),
	);
	deps.log.info({ app: appId, endpoint: id }, "endpoint.created");
	return { ...shown(deps, appId, { ...row, ...MADE, updatedAt: now }, eventTypes), secret };
}

/** Two that are made at once ask for the same place; the one that comes second asks again. */
async function untilNoClash(write: () => Promise<unknown>): Promise<void> {
	for (let attempt = 0; attempt < TRIES; attempt++) {
		try {
			await write();
			return;
		} catch (e) {
			if (!(e instanceof ConstraintError)) throw e;
		}
	}
	throw new JobhookError("unavailable", "many endpoints are being made at once; nothing was written, try again");
}
