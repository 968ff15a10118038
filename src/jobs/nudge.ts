import type { Deps } from "../deps.ts";
import { nudge } from "./sql/work.ts";

/** Submissions that are remembered: to push one out a stranger needs as many other live addresses. */
const MOST = 10_000;
/** After a nudge that found nothing to do: the job has ended, or somebody asks about it just now. */
const IN_VAIN_MS = 1000;

/**
 * Makes polls due now, each at most once per `HOOK_NUDGE_EVERY_S`. SQL knows that over all processes; what this one knows
 * by itself costs no statement, however many hooks a stranger posts to an address he has seen.
 */
export class Nudges {
	readonly #deps: Deps;
	/** The oldest first. */
	readonly #rests = new Map<string, { since: number; ms: number }>();

	constructor(deps: Deps) {
		this.#deps = deps;
	}

	/** True when it did. */
	async poll(submissionId: string): Promise<boolean> {
		const { db, clock, config, wake } = this.#deps;
		const now = clock.now();
		if (this.#isResting(submissionId, now)) return false;
		this.#rest(submissionId, now, IN_VAIN_MS); // set before the statement, so that hooks that come while it runs cost none
		const [nudged] = await db.batch([nudge.bind({ submission: submissionId, now, notSince: now - config.hookNudgeEveryMs })]);
		if (nudged.length === 0) return false;
		this.#rest(submissionId, now, config.hookNudgeEveryMs);
		wake({ kind: "submission", id: submissionId, at: now });
		return true;
	}

	/** How many are remembered. */
	get size(): number {
		return this.#rests.size;
	}

	#isResting(id: string, now: number): boolean {
		const rest = this.#rests.get(id);
		return rest !== undefined && now >= rest.since && now - rest.since < rest.ms; // a clock that was set back ends it
	}

	#rest(id: string, since: number, ms: number): void {
		this.#rests.delete(id);
		const [oldest] = this.#rests.keys();
		if (this.#rests.size >= MOST && oldest !== undefined) this.#rests.delete(oldest);
		this.#rests.set(id, { since, ms });
	}
}
