import ipaddr from "ipaddr.js";

/** The IP address a URL's host is, or null for a name. `new URL` has already turned 0x7f.1 and 2130706433 into 127.0.0.1. */
export function literalOf(hostname: string): string | null {
	const bare = hostname.replace(/^\[|\]$/g, "");
	if (!/:|(?:^|\.)\d[^.]*$/.test(bare)) return null; // most are names, and the library finds out by throwing
	return ipaddr.isValid(bare) ? bare : null;
}

/** As two spellings of a name compare. */
export const bareName = (hostname: string): string => hostname.replace(/\.$/, "").toLowerCase();

/** Whether its host is this machine, by its spelling. Throws on what is no URL. */
export const isLoopbackUrl = (text: string): boolean => {
	const { hostname } = new URL(text);
	const host = literalOf(hostname);
	return host === null ? hostname === "localhost" : ipaddr.process(host).range() === "loopback";
};
