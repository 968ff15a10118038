import { readCache, writeCache } from "../db/cache.ts";
import { fits } from "../db/row.ts";
import type { Deps } from "../deps.ts";
import { PROVIDERS, providerOf } from "../providers/index.ts";
import type { Account, Model } from "../providers/provider.ts";

export const FRESH_MS = 600_000;
/** After one that failed, and between two looks at what another process has written. */
const AGAIN_MS = 10_000;
const DEADLINE_MS = 10_000;

export interface Catalogue {
	models: Model[];
	readAt: number;
}

/** What accounts can be asked for, as their providers tell it: in memory, in the table `cache`, and only then at the provider. */
export class Models {
	readonly #deps: Deps;
	readonly #known = new Map<string, Catalogue>();
	readonly #looked = new Map<string, number>();
	readonly #failed = new Map<string, number>();
	readonly #asked = new Map<string, number>();
	readonly #asking = new Map<string, { since: number; answer: Promise<Catalogue | null> }>();
	readonly #later: ((account: string) => void) | null;

	/** `later`: has what aged read again by somebody else, where nothing goes on behind an answer that has left. */
	constructor(deps: Deps, later: ((account: string) => void) | null = null) {
		this.#deps = deps;
		this.#later = later;
	}

	isFresh = ({ readAt }: Catalogue): boolean => this.#deps.clock.now() - readAt < FRESH_MS;

	/** Asks the provider where what is known has aged; while it does not answer, what is known has to do. Null: nothing is. */
	async read(account: Account): Promise<Catalogue | null> {
		const known = await this.#look(account.id);
		if (known !== null && this.isFresh(known)) return known;
		return (await this.#refresh(account)) ?? known;
	}

	/** What is known, without waiting for anyone; what has aged is read again meanwhile. */
	async peek(account: Account): Promise<Catalogue | null> {
		const known = await this.#look(account.id);
		if (known === null || !this.isFresh(known)) this.#refreshLater(account);
		return known;
	}

	async #look(account: string): Promise<Catalogue | null> {
		const known = this.#known.get(account) ?? null;
		const now = this.#deps.clock.now();
		if ((known !== null && this.isFresh(known)) || now - (this.#looked.get(account) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return known;
		this.#looked.set(account, now);
		const [row] = await this.#deps.db.read(readCache.bind({ key: keyOf(account) }));
		if (row !== undefined) this.#known.set(account, { models: JSON.parse(row.body) as Model[], readAt: row.readAt });
		return this.#known.get(account) ?? null;
	}

	#refreshLater(account: Account): void {
		if (this.#later === null) return void this.#refresh(account);
		const now = this.#deps.clock.now();
		if (now - (this.#asked.get(account.id) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return;
		this.#asked.set(account.id, now);
		this.#later(account.id);
	}

	/** One question at a time, and none soon after one that failed. Never rejects. */
	#refresh(account: Account): Promise<Catalogue | null> {
		const now = this.#deps.clock.now();
		if (now - (this.#failed.get(account.id) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return Promise.resolve(null);
		const asking = this.#asking.get(account.id);
		// at the edge a question dies with the request that asked it, and nobody is told
		if (asking !== undefined && now - asking.since < DEADLINE_MS) return within(asking.answer, asking.since + DEADLINE_MS - now);
		const answer = this.#ask(account).finally(() => this.#asking.delete(account.id));
		this.#asking.set(account.id, { since: now, answer });
		return answer;
	}

	async #ask(account: Account): Promise<Catalogue | null> {
		const { db, http, clock, log } = this.#deps;
		const startedAt = clock.now();
		try {
			const provider = PROVIDERS[providerOf(account.id)];
			const deadlineMs = Math.min(account.deadlineMs, DEADLINE_MS);
			const answer = await provider?.models(http, { ...account, deadlineMs });
			if (answer?.kind !== "answered") throw new Error(answer?.kind === "failed" ? answer.reason : "refused");
			const read = { models: answer.value, readAt: clock.now() };
			this.#known.set(account.id, read);
			const row = { key: keyOf(account.id), body: JSON.stringify(read.models), readAt: read.readAt };
			if (fits(row.body)) await db.batch(writeCache(row)); // else every process asks for itself
			log.info({ account: account.id, models: read.models.length, ms: clock.now() - startedAt }, "models.read");
			return read;
		} catch (e) {
			this.#failed.set(account.id, clock.now());
			log.warn({ account: account.id, reason: e instanceof Error ? e.message : String(e) }, "models.unreadable");
			return null;
		}
	}
}

async function within<T>(answer: Promise<T>, ms: number): Promise<T | null> {
	let timer: ReturnType<typeof setTimeout> | undefined;
	const late = new Promise<null>((resolve) => {
		timer = setTimeout(() => resolve(null), ms);
	});
	return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

const keyOf = (account: string): string => `models:${account}`;
