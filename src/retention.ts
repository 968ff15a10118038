import type { Deps } from "./deps.ts";
import { alone } from "./lanes/alone.ts";
import { oldInputs, oldResults } from "./retention/blobs.ts";
import { bodies } from "./retention/bodies.ts";
import { BEGINNING, type Broom, type Cursor } from "./retention/broom.ts";
import { oldCache, oldKeys } from "./retention/expired.ts";
import { oldJobs } from "./retention/jobs.ts";
import { oldReceipts } from "./retention/receipts.ts";

const BROOMS: readonly Broom[] = [bodies, oldReceipts, oldKeys, oldCache, oldJobs, oldInputs, oldResults];
/** Batches of one kind in one stretch: with the jobs' 25 a batch and a stretch every 10 s, 50 jobs a second. */
const STEPS = 20;

/**
 * Drops what was kept long enough, a little at a time. It remembers where it stopped and begins again at the end of each lap;
 * what it remembers may be lost, the rows themselves say what is left to do.
 */
export class Retention {
	readonly #deps: Deps;
	readonly #after = new Map<Broom, Cursor>();
	readonly #restsUntil = new Map<Broom, number>();

	constructor(deps: Deps) {
		this.#deps = deps;
	}

	/** At most `STEPS` batches of each kind. True when a lap of every kind was finished: nothing old is left. */
	async stretch(stopping: () => boolean = () => false): Promise<boolean> {
		const removed: Record<string, number> = {};
		let finished = true;
		for (const broom of BROOMS) {
			const lapped = await alone(this.#deps, { part: `retention of ${broom.name}` }, () => this.#sweep(broom, removed, stopping));
			finished &&= lapped === true;
		}
		if (Object.keys(removed).length > 0) this.#deps.log.info({ removed, finished }, "retention.swept");
		return finished;
	}

	async #sweep(broom: Broom, removed: Record<string, number>, stopping: () => boolean): Promise<boolean> {
		const now = this.#deps.clock.now();
		if (now < (this.#restsUntil.get(broom) ?? now)) return true;
		for (let step = 0; step < STEPS && !stopping(); step++) {
			const result = await broom.step(this.#deps, this.#after.get(broom) ?? BEGINNING);
			if (result.removed > 0) removed[broom.name] = (removed[broom.name] ?? 0) + result.removed;
			this.#after.set(broom, result.next ?? BEGINNING);
			if (result.next !== null) continue;
			this.#restsUntil.set(broom, now + (broom.restMs ?? 0));
			return true;
		}
		return false;
	}
}
