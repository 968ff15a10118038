import { newSigningSecret } from "../../core/signature.ts";
import type { Deps } from "../../deps.ts";
import { type EndpointView, readEndpoint } from "./read.ts";
import { placeOfSecret } from "./secret.ts";
import * as sql from "./sql.ts";

/** A new secret, which signs from the next attempt on. It is in this answer and never shown again. */
export async function rotateSecret(
	deps: Deps,
	appId: string,
	id: string,
	secret = newSigningSecret(),
): Promise<(EndpointView & { secret: string }) | null> {
	const sealed = deps.secrets.seal(secret, placeOfSecret(appId, id));
	const [replaced] = await deps.db.batch([sql.replaceSecret.bind({ app: appId, endpoint: id, secret: sealed, now: deps.clock.now() })]);
	if (replaced.length === 0) return null;
	deps.log.info({ app: appId, endpoint: id }, "endpoint.rotated");
	const endpoint = await readEndpoint(deps, appId, id);
	return endpoint && { ...endpoint, secret };
}
