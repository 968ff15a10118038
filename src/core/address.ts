import ipaddr from "ipaddr.js";

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** All that IANA has given out for the public IPv6 internet; outside are the many ways to write an IPv4 address. */
const PUBLIC_IPV6 = ipaddr.parseCIDR("2000::/3");

/** A CIDR range or a single address; null when it is neither. */
export function parseCidr(text: string): Range | null {
	if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
	if (!ipaddr.isValid(text)) return null;
	const address = ipaddr.parse(text);
	return [address, address.kind() === "ipv4" ? 32 : 128];
}

/**
 * Decides which addresses callbacks may reach: public unicast, and what the operator lists (`CALLBACK_ALLOW`).
 * Names are judged by their spelling here and by every address they resolve to in the dialer.
 */
export class AddressGuard {
	readonly #allowed: Range[];
	readonly #ownHost: string | null;

	/** `ownUrl`: how the world reaches us, which is no place for callbacks either. */
	constructor(allow: readonly string[], ownUrl: string | null = null) {
		this.#ownHost = ownUrl === null ? null : bareName(new URL(ownUrl).hostname);
		this.#allowed = allow.flatMap((text) => {
			const range = parseCidr(text);
			return range ? [range] : [];
		});
	}

	/** `listed`: the operator allowed it, so plain http is fine too. */
	judge(address: string): "public" | "listed" | "refused" {
		if (!ipaddr.isValid(address)) return "refused";
		const ip = ipaddr.process(address); // an IPv4-mapped IPv6 address is judged as the IPv4 address it reaches
		const listed = this.#allowed.some(([range, bits]) => range.kind() === ip.kind() && ip.match(range, bits));
		if (listed) return "listed";
		const assigned = ip.kind() === "ipv4" || ip.match(PUBLIC_IPV6);
		return assigned && ip.range() === "unicast" ? "public" : "refused";
	}

	/** Whether a URL may be stored as a callback target; null when it may, else what is wrong with it. */
	objection(text: string): string | null {
		if (text.length > 2048) return "must have at most 2048 characters";
		if (!URL.canParse(text)) return "must be an absolute URL, like https://example.com/hook";
		const url = new URL(text);
		if (url.protocol !== "https:" && url.protocol !== "http:") return "must be an https URL";
		if (url.username !== "" || url.password !== "") return "must not carry a user name or password";
		const host = literalOf(url.hostname);
		const verdict = host === null ? this.#judgeName(url.hostname) : this.judge(host);
		if (verdict === "refused")
			return "must not point at a private, loopback or reserved address (the operator can list it in CALLBACK_ALLOW)";
		if (bareName(url.hostname) === this.#ownHost && !this.#isListed(url.hostname)) return "must not point at this service's own host";
		if (url.protocol === "http:" && verdict === "public") return "must be https (http only where CALLBACK_ALLOW lists the address)";
		return null;
	}

	/** By its address. A name has none yet, but for the one that always means this machine. */
	#isListed(hostname: string): boolean {
		const address = bareName(hostname) === "localhost" ? "127.0.0.1" : literalOf(hostname);
		return address !== null && this.judge(address) === "listed";
	}

	/** A name that may resolve to a listed address is let through: the dialer judges what it resolves to. */
	#judgeName(name: string): "public" | "listed" | "refused" {
		if (this.#allowed.length > 0) return "listed";
		const bare = bareName(name);
		const dotted = /^[^.]+(\.[^.]+)+$/.test(bare);
		return dotted && !/\.(localhost|local|internal|localdomain)$/.test(bare) ? "public" : "refused";
	}
}

const bareName = (hostname: string): string => hostname.replace(/\.$/, "").toLowerCase();

/** The IP address a URL's host is, or null for a name. `new URL` has already turned 0x7f.1 and 2130706433 into 127.0.0.1. */
export function literalOf(hostname: string): string | null {
	const bare = hostname.replace(/^\[|\]$/g, "");
	return ipaddr.isValid(bare) ? bare : null;
}

export const isLoopbackUrl = (text: string): boolean => {
	const { hostname } = new URL(text);
	const host = literalOf(hostname);
	return host === null ? hostname === "localhost" : ipaddr.process(host).range() === "loopback";
};
