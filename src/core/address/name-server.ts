import ipaddr from "ipaddr.js";
import { literalOf } from "./literal.ts";

/**
 * A name server's address as Node's resolver takes it, with its port; null when it is none. It may be given with a port or
 * without: `10.0.0.2`, `10.0.0.2:5353`, `fd00::2`, `[fd00::2]:5353`.
 */
export function parseNameServer(text: string): string | null {
	if (ipaddr.IPv6.isValid(text)) return `[${text}]:53`;
	const [, host = "", port = "53"] = /^(\[.+\]|[\d.]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
	const good = host.startsWith("[") ? literalOf(host)?.includes(":") : ipaddr.IPv4.isValidFourPartDecimal(host);
	return good && Number(port) >= 1 && Number(port) <= 65_535 ? `${host}:${port}` : null;
}
