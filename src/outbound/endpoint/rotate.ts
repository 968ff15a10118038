import { placeOfEndpointSecret } from "../../core/places.ts";
import { newSigningSecret } from "../../core/signature.ts";
import { type Rotated, rotateRow } from "../../db/rotate.ts";
import type { Deps } from "../../deps.ts";
import { type EndpointView, readEndpoint } from "./read.ts";
import * as sql from "./sql.ts";

/**
 * A new secret, which signs from the next attempt on; those before it sign beside it until they end. It is in this answer
 * and never shown again. Without an overlap it is the setting's. `not_possible` when no more may sign.
 */
export async function rotateSecret(
	deps: Deps,
	appId: string,
	id: string,
	{ secret = newSigningSecret(), overlapMs = deps.config.secretOverlapMs }: { secret?: string | undefined; overlapMs?: number | undefined },
): Promise<(EndpointView & { secret: string }) | null> {
	const at = { app: appId, endpoint: id };
	const row: Rotated = {
		place: placeOfEndpointSecret(appId, id),
		read: sql.secretsOf.bind(at),
		write: (values) => sql.replaceSecret.bind({ ...at, ...values }),
	};
	const rotated = await rotateRow(deps, row, { secret, overlapMs });
	if (rotated === null) return null;
	deps.log.info({ ...at, overlap_ms: overlapMs, active: rotated.old.length + 1 }, "endpoint_secret.rotated");
	const endpoint = await readEndpoint(deps, appId, id);
	return endpoint && { ...endpoint, secret };
}
