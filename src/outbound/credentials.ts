import { activeAt, type OldSecret, readOld } from "../core/rotation.ts";
import type { Place } from "../core/secretbox.ts";
import type { Deps } from "../deps.ts";
import { type Headers, openHeaders } from "./endpoint/headers.ts";
import { placeOfSecret } from "./endpoint/secret.ts";
import type { Secrets } from "./sign.ts";
import type { Claimed } from "./sql.ts";

/** What a callback is signed with, and the header fields that its endpoint asks for. */
export interface Credentials {
	secrets: Secrets;
	headers: Headers;
}
type Opener = Pick<Deps, "secrets" | "log">;

/**
 * Whose secrets sign: the endpoint's; for the job's own URL the one it brought, else the app's. Null: the current one, or
 * the header fields, do not open.
 */
export function openCredentials(deps: Opener, claimed: Claimed, nowMs: number): Credentials | null {
	const { id, target, appId, jobId, endpointSecret, jobSecret } = claimed;
	const about = { delivery: id };
	if (endpointSecret !== null) {
		const sealed = { secret: endpointSecret, oldSecrets: claimed.endpointOldSecrets, headers: claimed.endpointHeaders };
		return openEndpoint(deps, { appId, endpoint: target, about }, sealed, nowMs);
	}
	const [place, secret, oldSecrets] =
		jobSecret === null
			? [{ table: "apps", column: "callback_secret", row: appId, app: appId }, claimed.appSecret, claimed.appOldSecrets]
			: [{ table: "jobs", column: "webhook_secret", row: jobId, app: appId }, jobSecret, null];
	return orSealed(deps, about, () => ({ secrets: openSecrets(deps, { place, about }, { secret, oldSecrets }, nowMs), headers: {} }));
}

/** The same of an endpoint by itself. `about`: what the log line names. */
export function openEndpoint(
	deps: Opener,
	{ appId, endpoint, about }: { appId: string; endpoint: string; about: object },
	sealed: { secret: string; oldSecrets: string | null; headers: string | null },
	nowMs: number,
): Credentials | null {
	const place = placeOfSecret(appId, endpoint);
	return orSealed(deps, about, () => ({
		secrets: openSecrets(deps, { place, about }, sealed, nowMs),
		headers: openHeaders(deps.secrets, appId, endpoint, sealed.headers),
	}));
}

function orSealed(deps: Opener, about: object, open: () => Credentials): Credentials | null {
	try {
		return open();
	} catch (e) {
		deps.log.error({ ...about, err: e }, "secret.sealed");
		return null;
	}
}

/** Throws when the current one does not open. One before it that does not is left out: the rest still sign. */
function openSecrets(
	deps: Opener,
	{ place, about }: { place: Place; about: object },
	{ secret, oldSecrets }: { secret: string; oldSecrets: string | null },
	nowMs: number,
): Secrets {
	const older = activeAt(readOld(oldSecrets), nowMs).flatMap((old: OldSecret) => {
		try {
			return deps.secrets.open(old.secret, place);
		} catch (e) {
			deps.log.error({ ...about, err: e, until: old.until }, "old_secret.sealed");
			return [];
		}
	});
	return [deps.secrets.open(secret, place), ...older];
}
