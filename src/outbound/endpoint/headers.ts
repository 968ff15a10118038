import { placeOfEndpointHeaders } from "../../core/places.ts";
import type { Secretbox } from "../../core/secretbox.ts";

/** Header fields of every callback, by their names in lower case. */
export type Headers = Readonly<Record<string, string>>;

/** As the row keeps them; null: none. */
export function sealHeaders(secrets: Secretbox, appId: string, endpointId: string, headers: Headers | null): string | null {
	if (headers === null || Object.keys(headers).length === 0) return null;
	const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
	return secrets.seal(JSON.stringify(Object.fromEntries(lower)), placeOfEndpointHeaders(appId, endpointId));
}

/** Throws, without a word of what they hold, when they do not open. */
export const openHeaders = (secrets: Secretbox, appId: string, endpointId: string, sealed: string | null): Headers =>
	sealed === null ? {} : (JSON.parse(secrets.open(sealed, placeOfEndpointHeaders(appId, endpointId))) as Headers);

/** Sorted; null when they do not open, which must not keep anyone from reading the rest. */
export function headerNames(secrets: Secretbox, appId: string, endpointId: string, sealed: string | null): string[] | null {
	try {
		return Object.keys(openHeaders(secrets, appId, endpointId, sealed)).toSorted((a, b) => (a < b ? -1 : 1));
	} catch {
		return null;
	}
}
