import type { Deps } from "../deps.ts";
import { nudge, nudgeLater } from "./sql/work.ts";

/** Submissions that are remembered: to push one out a stranger needs as many other live addresses. */
const MOST = 10_000;
/** Between two statements about one submission, also where they find nothing to do: it has ended, or is asked about just now. */
const REST_MS = 250;

/**
 * Makes polls due now, each at most once per `HOOK_NUDGE_EVERY_S`: a second time within that, at its end. SQL knows that over all
 * processes; what this one knows by itself costs no statement, however many hooks a stranger posts to an address he has seen.
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
		this.#rest(submissionId, now, REST_MS); // set before the statements, so that hooks that come while they run cost none
		const at = { submission: submissionId, notSince: now - config.hookNudgeEveryMs };
		const [nudged, later] = await db.batch([nudge.bind({ ...at, now }), nudgeLater.bind({ ...at, everyMs: config.hookNudgeEveryMs })]);
		const dueAt = nudged.length > 0 ? now : later[0]?.at;
		if (dueAt === undefined) return false;
		if (dueAt > now) this.#rest(submissionId, now, dueAt - now); // no other before that would change anything
		wake({ kind: "submission", id: submissionId, at: dueAt });
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
