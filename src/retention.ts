import { readCache, writeCache } from "./db/cache.ts";
import type { Deps } from "./deps.ts";
import { alone } from "./lanes/alone.ts";
import { oldFileBlobs, oldInputs, oldResults } from "./retention/blobs.ts";
import { bodies } from "./retention/bodies.ts";
import { BEGINNING, type Broom, type Cursor } from "./retention/broom.ts";
import { oldCache, oldFiles, oldKeys, oldRecoveries } from "./retention/expired.ts";
import { oldHeld } from "./retention/held.ts";
import { oldJobs } from "./retention/jobs.ts";
import { oldNotices } from "./retention/notices.ts";
import { oldReceipts } from "./retention/receipts.ts";

const BROOMS: readonly Broom[] = [
	oldHeld,
	bodies,
	oldReceipts,
	oldKeys,
	oldCache,
	oldFiles,
	oldRecoveries,
	oldJobs,
	oldNotices,
	oldInputs,
	oldResults,
	oldFileBlobs,
];
/** Batches of one kind in one stretch: with the jobs' 25 a batch and a stretch every 10 s, 50 jobs a second. */
const STEPS = 20;

/** Where the brooms stand, by their names. */
interface Memory {
	after: Record<string, Cursor>;
	restsUntil: Record<string, number>;
}
const KEY = "retention";

/**
 * Drops what was kept long enough, a little at a time. Where it stopped is kept in `cache`, so that a process, or an isolate
 * that lives for one sweep, goes on there; lost, it begins a new lap: the rows themselves say what is left to do.
 */
export class Retention {
	readonly #deps: Deps;
	#memory: Memory | undefined;
	#kept = "";

	constructor(deps: Deps) {
		this.#deps = deps;
	}

	/** At most `STEPS` batches of each kind. True when a lap of every kind was finished: nothing old is left. */
	async stretch(stopping: () => boolean = () => false): Promise<boolean> {
		const memory = await alone(this.#deps, { part: "retention" }, () => this.#remember());
		if (memory === null) return false;
		const removed: Record<string, number> = {};
		let finished = true;
		for (const broom of BROOMS) {
			const lapped = await alone(this.#deps, { part: `retention of ${broom.name}` }, () => this.#sweep(broom, memory, removed, stopping));
			finished &&= lapped === true;
		}
		await alone(this.#deps, { part: "retention" }, () => this.#keep(memory));
		if (Object.keys(removed).length > 0) this.#deps.log.info({ removed, finished }, "retention.swept");
		return finished;
	}

	async #sweep({ name, step, restMs = 0 }: Broom, memory: Memory, removed: Record<string, number>, stopping: () => boolean) {
		const now = this.#deps.clock.now();
		if (now < (memory.restsUntil[name] ?? now)) return true;
		for (let steps = 0; steps < STEPS && !stopping(); steps++) {
			const result = await step(this.#deps, memory.after[name] ?? BEGINNING);
			if (result.removed > 0) removed[name] = (removed[name] ?? 0) + result.removed;
			if (result.next !== null) {
				memory.after[name] = result.next;
				continue;
			}
			delete memory.after[name];
			if (restMs > 0) memory.restsUntil[name] = now + restMs;
			return true;
		}
		return false;
	}

	async #remember(): Promise<Memory> {
		if (this.#memory !== undefined) return this.#memory;
		const [row] = await this.#deps.db.read(readCache.bind({ key: KEY }));
		this.#kept = row?.body ?? "";
		this.#memory = { after: {}, restsUntil: {}, ...(row === undefined ? {} : (JSON.parse(row.body) as Partial<Memory>)) };
		return this.#memory;
	}

	/** Only what changed: an idle service writes nothing. */
	async #keep(memory: Memory): Promise<void> {
		const body = JSON.stringify(memory);
		if (body === this.#kept) return;
		await this.#deps.db.batch(writeCache({ key: KEY, body, readAt: this.#deps.clock.now() }));
		this.#kept = body;
	}
}
