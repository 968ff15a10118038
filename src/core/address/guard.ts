import ipaddr from "ipaddr.js";
import { bareName, literalOf } from "./literal.ts";
import { hasPort, type PortRange, portsText } from "./ports.ts";
import { type Address, isIn, isMetadata, isPublic, isSingle, parseCidr, type Range, reached } from "./ranges.ts";

/** The settings CALLBACK_ALLOW, CALLBACK_DENY (CIDR) and CALLBACK_PORTS. */
export interface AddressRules {
	callbackAllow: readonly string[];
	callbackDeny: readonly string[];
	callbackPorts: readonly PortRange[];
}

const PRIVATE = "must not point at a private, loopback or reserved address (the operator can list it in CALLBACK_ALLOW)";
const CLOSED =
	"must not point at an address that the operator denies (CALLBACK_DENY), or at one of cloud metadata (open where CALLBACK_ALLOW lists it alone)";
const PRIVATE_NAME =
	"must not be a private name: one without a dot, or under .localhost, .local, .localdomain, .internal or .home.arpa (they are looked up where CALLBACK_ALLOW lists something)";

const rangesOf = (texts: readonly string[]): Range[] => texts.map(parseCidr).filter((range) => range !== null);

/**
 * Decides what callbacks, and fetches of files that users name, may reach: public unicast, and what the operator lists, but
 * never what the operator denies. Names are judged by their spelling here and by every address they resolve to in the dialer.
 */
export class AddressGuard {
	readonly #allowed: Range[];
	readonly #denied: Range[];
	readonly #ports: readonly PortRange[];
	readonly #ownHost: string | null;

	/** `ownUrl`: how the world reaches us, which is no place for callbacks either. */
	constructor({ callbackAllow, callbackDeny, callbackPorts }: AddressRules, ownUrl: string | null = null) {
		this.#allowed = rangesOf(callbackAllow);
		this.#denied = rangesOf(callbackDeny);
		this.#ports = callbackPorts;
		this.#ownHost = ownUrl === null ? null : bareName(new URL(ownUrl).hostname);
	}

	/** `listed`: the operator allowed it, so plain http is fine too. */
	judge(address: string): "public" | "listed" | "refused" {
		if (!ipaddr.isValid(address)) return "refused";
		const ip = ipaddr.process(address); // an IPv4-mapped IPv6 address is judged as the IPv4 address it reaches
		if (reached(ip).some((one) => this.#isClosed(one))) return "refused";
		if (this.#allowed.some((range) => isIn(ip, range))) return "listed";
		return isPublic(ip) ? "public" : "refused";
	}

	/** Denied, or an address of cloud metadata that is not listed by itself: who lists a wide range does not mean to hand out credentials. */
	#isClosed(ip: Address): boolean {
		if (this.#denied.some((range) => isIn(ip, range))) return true;
		return isMetadata(ip) && !this.#allowed.some((range) => isSingle(range) && isIn(ip, range));
	}

	/** Whether a URL is not to be dialled whatever its host: it is none, not http(s), or has a user name or password in it. */
	refusesUrl(text: string): boolean {
		return unfitness(text) !== null;
	}

	/**
	 * Whether no connection may be made for the spelling alone: a private name, a port that is not open, our own host. A host that
	 * is an address, and the addresses of a name, are left to `judge`. `hostname` and `port` as URLs have them.
	 */
	refusesHost(protocol: string, hostname: string, port: string): boolean {
		const misnamed = literalOf(hostname) === null && this.#judgeName(hostname) === "refused";
		return misnamed || !hasPort(this.#ports, protocol, port) || this.#isOwn(hostname);
	}

	/** Whether a URL may be stored as a place to reach; null when it may, else what is wrong with it. */
	objection(text: string, maxCharacters = 2048): string | null {
		if (text.length > maxCharacters) return `must have at most ${maxCharacters} characters`;
		const unfit = unfitness(text);
		if (unfit !== null) return unfit;
		const { protocol, hostname, port } = new URL(text);
		const host = literalOf(hostname);
		const verdict = host === null ? this.#judgeName(hostname) : this.judge(host);
		if (verdict === "refused") return host === null ? PRIVATE_NAME : this.#whyRefused(host);
		if (this.#isOwn(hostname)) return "must not point at this service's own host";
		if (!hasPort(this.#ports, protocol, port)) return `must use a port that the operator lets callbacks use: ${portsText(this.#ports)}`;
		if (protocol === "http:" && verdict === "public") return "must be https (http only where CALLBACK_ALLOW lists the address)";
		return null;
	}

	#whyRefused(address: string): string {
		return reached(ipaddr.process(address)).some((one) => this.#isClosed(one)) ? CLOSED : PRIVATE;
	}

	#isOwn(hostname: string): boolean {
		return bareName(hostname) === this.#ownHost && !this.#isListed(hostname);
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
		return dotted && !/\.(localhost|local|internal|localdomain|home\.arpa)$/.test(bare) ? "public" : "refused";
	}
}

/** What is wrong with a URL as such. */
function unfitness(text: string): string | null {
	if (!URL.canParse(text)) return "must be an absolute URL, like https://example.com/hook";
	const { protocol, username, password } = new URL(text);
	if (protocol !== "https:" && protocol !== "http:") return "must be an https URL";
	return username === "" && password === "" ? null : "must not carry a user name or password";
}
