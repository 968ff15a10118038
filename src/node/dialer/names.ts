import dns, { type LookupAddress } from "node:dns";
import { bareName } from "../../core/address/literal.ts";
import { askSystem, hostsFileNames } from "./system-names.ts";

/** How long the other family is waited for once this one has addresses: longer for IPv4, the only one that most hosts can use. */
const GRACE_MS = { 4: 300, 6: 1200 } as const;
const TRIES = 4;
/** By definition (RFC 6761). */
const LOCALHOST: LookupAddress[] = [
	{ address: "127.0.0.1", family: 4 },
	{ address: "::1", family: 6 },
];
/** What is heard of a name that is unknown, or has no address of the family; and where there is no name server at all. */
const UNKNOWN: readonly unknown[] = [dns.NOTFOUND, dns.NODATA, dns.CONNREFUSED];

interface NamesOptions {
	/** Of a look-up, all told. */
	deadlineMs: number;
	/** Asked in place of the system's name servers; then the system is not asked either. Empty: the system's, and the system. */
	servers: readonly string[];
}

/**
 * Looks names up without getaddrinfo, which sits on libuv's few threads, has no deadline and cannot be called off: two slow
 * names would stop everybody's. Nothing is remembered; each look-up has sockets of its own.
 */
export class Names {
	readonly #deadlineMs: number;
	readonly #servers: readonly string[];
	readonly #ofSystem: ReadonlySet<string>;

	constructor({ deadlineMs, servers }: NamesOptions) {
		this.#deadlineMs = deadlineMs;
		this.#servers = servers;
		this.#ofSystem = servers.length === 0 ? hostsFileNames() : new Set();
	}

	/** All addresses of a name, IPv4 first. Empty: it has none, or nobody said so in time. Never rejects. */
	async addressesOf(name: string): Promise<LookupAddress[]> {
		const over = new AbortController();
		const deadline = setTimeout(() => over.abort(), this.#deadlineMs);
		try {
			if (this.#servers.length > 0) return bareName(name) === "localhost" ? LOCALHOST : ((await this.#ask(name, over.signal)) ?? []);
			if (this.#isOfSystem(bareName(name))) return await askSystem(name, over.signal, "operator");
			return (await this.#ask(name, over.signal)) ?? (await askSystem(name, over.signal, "anybody"));
		} finally {
			clearTimeout(deadline);
		}
	}

	#isOfSystem(name: string): boolean {
		return !name.includes(".") || this.#ofSystem.has(name);
	}

	/** Null: DNS does not know the name. */
	async #ask(name: string, over: AbortSignal): Promise<LookupAddress[] | null> {
		const resolver = new dns.promises.Resolver({ timeout: Math.ceil(this.#deadlineMs / 10), tries: TRIES });
		if (this.#servers.length > 0) resolver.setServers(this.#servers);
		const cancel = () => resolver.cancel();
		over.addEventListener("abort", cancel);
		let grace: NodeJS.Timeout | undefined;
		let unknown = 0;
		const answered = async (answer: Promise<string[]>, family: 4 | 6) => {
			try {
				const addresses = await answer;
				if (addresses.length > 0) grace ??= setTimeout(cancel, Math.min(GRACE_MS[family], this.#deadlineMs / 3));
				else unknown++; // aliases that lead nowhere
				return addresses.map((address) => ({ address, family }));
			} catch (e) {
				if (UNKNOWN.includes((e as { code?: unknown }).code)) unknown++;
				return [];
			}
		};
		const families = await Promise.all([answered(resolver.resolve4(name), 4), answered(resolver.resolve6(name), 6)]);
		clearTimeout(grace);
		over.removeEventListener("abort", cancel);
		return unknown === families.length ? null : families.flat();
	}
}
