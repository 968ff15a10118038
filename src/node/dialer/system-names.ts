import dns, { type LookupAddress } from "node:dns";
import { readFileSync } from "node:fs";
import { bareName } from "../../core/address/literal.ts";

/** One after the other. */
class Queue {
	#last: Promise<unknown> = Promise.resolve();

	add<T>(work: () => Promise<T>): Promise<T> {
		const done = this.#last.then(work);
		this.#last = done.catch(() => {});
		return done;
	}
}

/*
 * Two questions at once for the whole process: libuv gives look-ups half of its four threads, nobody can take one back, and
 * our own provider and database are looked up there, too. Names of anybody, who may keep the question hanging, have one; names
 * that the hosts file or the operator's own network answers have the other.
 */
const queues = { anybody: new Queue(), operator: new Queue() };

/**
 * What the system makes of a name: hosts file, search domains, a container's name. Empty: nothing, or nothing before `over`.
 * `whose`: who answers for it. Never rejects.
 */
export async function askSystem(name: string, over: AbortSignal, whose: keyof typeof queues): Promise<LookupAddress[]> {
	const asked = queues[whose].add(async () => (over.aborted ? [] : dns.promises.lookup(name, { all: true, order: "ipv4first" })));
	const late = new Promise<never[]>((resolve) => {
		if (over.aborted) resolve([]);
		over.addEventListener("abort", () => resolve([]));
	});
	return Promise.race([asked.catch(() => []), late]);
}

const HOSTS_FILE = process.platform === "win32" ? `${process.env["SystemRoot"]}\\System32\\drivers\\etc\\hosts` : "/etc/hosts";

/** The names in the hosts file, now: there the operator's word comes before that of DNS, as everywhere on the machine. */
export function hostsFileNames(file = HOSTS_FILE): Set<string> {
	try {
		const lines = readFileSync(file, "utf8").split("\n");
		return new Set(lines.flatMap((line) => line.replace(/#.*/, "").trim().split(/\s+/).slice(1).map(bareName)));
	} catch {
		return new Set();
	}
}
