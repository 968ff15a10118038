import type { Config } from "../config.ts";
import { AddressGuard } from "../core/address/guard.ts";
import type { HttpRequest } from "../core/http.ts";
import type { Account } from "./provider.ts";

/** Characters. */
const LINK_MAX = 16_384;

/** By scheme, host and port. The host that the operator configured may link to itself; any other is judged as a callback's. */
const isOwnOf = (baseUrl: string, link: string): boolean => URL.canParse(link) && new URL(link).origin === new URL(baseUrl).origin;

/** Every webhook that tells a result asks, and to read the lists takes longer than to judge by them. */
const guards = new WeakMap<Config, AddressGuard>();

function guardOf(config: Config): AddressGuard {
	const guard = guards.get(config) ?? new AddressGuard(config, config.publicUrl);
	guards.set(config, guard);
	return guard;
}

/** The link that a provider gave to a result, where it may be kept, fetched and handed on; else null. */
export function usableLink(config: Config, baseUrl: string, link: string | null): string | null {
	if (link === null || link.length > LINK_MAX) return null;
	return isOwnOf(baseUrl, link) || guardOf(config).objection(link, LINK_MAX) === null ? link : null;
}

/** By which rules such a link is dialled. */
export const reachOf = ({ baseUrl }: Pick<Account, "baseUrl">, link: string): HttpRequest["reach"] =>
	isOwnOf(baseUrl, link) ? "operator" : "public";
