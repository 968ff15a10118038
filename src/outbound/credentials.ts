import { placeOfAppSecret, placeOfEndpointSecret, placeOfJobSecret } from "../core/places.ts";
import { activeAt, readOld } from "../core/rotation.ts";
import type { Place } from "../core/secretbox.ts";
import type { Deps } from "../deps.ts";
import { type Headers, openHeaders } from "./endpoint/headers.ts";
import type { Secrets } from "./sign.ts";
import type { Claimed } from "./sql.ts";

/** What a callback is signed with, and the header fields that its endpoint asks for. */
export interface Credentials {
	secrets: Secrets;
	headers: Headers;
}
type Opener = Pick<Deps, "secrets" | "log">;

/** What a line of the log names. */
interface About {
	app: string;
	delivery?: string;
	target: string;
}

/**
 * Whose secrets sign: the endpoint's; for the job's own URL the one it brought, else the app's. Null: the current one, or
 * the header fields, do not open.
 */
export function openCredentials(deps: Opener, claimed: Claimed, nowMs: number): Credentials | null {
	const { id, target, appId, jobId, endpointSecret, jobSecret } = claimed;
	const about = { app: appId, delivery: id, target };
	if (endpointSecret !== null) {
		const sealed = { secret: endpointSecret, oldSecrets: claimed.endpointOldSecrets, headers: claimed.endpointHeaders };
		return openEndpoint(deps, about, sealed, nowMs);
	}
	const own = { place: placeOfJobSecret(appId, jobId), secret: jobSecret ?? "", oldSecrets: null };
	const ofApp = { place: placeOfAppSecret(appId), secret: claimed.appSecret, oldSecrets: claimed.appOldSecrets };
	const secrets = openSecrets(deps, about, jobSecret === null ? ofApp : own, nowMs);
	return secrets && { secrets, headers: {} };
}

/** The same of an endpoint, `target`, by itself. */
export function openEndpoint(
	deps: Opener,
	about: About,
	{ headers: sealed, ...rest }: { secret: string; oldSecrets: string | null; headers: string | null },
	nowMs: number,
): Credentials | null {
	const { app, target } = about;
	const secrets = openSecrets(deps, about, { place: placeOfEndpointSecret(app, target), ...rest }, nowMs);
	if (secrets === null) return null;
	const headers = orUnreadable(deps, { ...about, what: "headers" }, () => openHeaders(deps.secrets, app, target, sealed));
	return headers && { secrets, headers };
}

/** Null when the current one does not open. One before it that does not is left out: the rest still sign. */
function openSecrets(
	deps: Opener,
	about: About,
	{ place, secret, oldSecrets }: { place: Place; secret: string; oldSecrets: string | null },
	nowMs: number,
): Secrets | null {
	const current = orUnreadable(deps, { ...about, what: "secret" }, () => deps.secrets.open(secret, place));
	if (current === null) return null;
	const older = activeAt(readOld(oldSecrets), nowMs).flatMap(
		({ secret: old, until }) => orUnreadable(deps, { ...about, what: "old_secret", until }, () => deps.secrets.open(old, place)) ?? [],
	);
	return [current, ...older];
}

/** Null, and a line of the log, where it does not open. */
function orUnreadable<T>(
	{ log }: Opener,
	fields: About & { what: "secret" | "old_secret" | "headers"; until?: number },
	open: () => T,
): T | null {
	try {
		return open();
	} catch (err) {
		log.error({ ...fields, err }, "secret.unreadable");
		return null;
	}
}
