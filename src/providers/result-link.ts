import type { Config } from "../config.ts";
import { AddressGuard } from "../core/address/guard.ts";
import type { HttpRequest } from "../core/http.ts";
import type { Account } from "./provider.ts";

/** Characters. */
const LINK_MAX = 16_384;

/** A host of the operator's choice may link to itself; any other place is judged as a callback's. */
const isOwnOf = (baseUrl: string, link: string): boolean => URL.canParse(link) && new URL(link).origin === new URL(baseUrl).origin;

/** The link that a provider gave to a result, where it may be kept, fetched and handed on; else none. */
export function usableLink(config: Config, baseUrl: string, link: string | null): string | null {
	if (link === null || link.length > LINK_MAX) return null;
	return isOwnOf(baseUrl, link) || new AddressGuard(config).objection(link, LINK_MAX) === null ? link : null;
}

export const reachOf = ({ baseUrl }: Pick<Account, "baseUrl">, link: string): HttpRequest["reach"] =>
	isOwnOf(baseUrl, link) ? "operator" : "public";
