import type { Deps } from "./deps.ts";
import { dispatch } from "./jobs/dispatch.ts";
import { joinOrphans } from "./jobs/orphans.ts";
import { poll } from "./jobs/reconcile.ts";
import { releaseSubmissions } from "./jobs/release.ts";
import { submissionClaimer } from "./jobs/sql/work.ts";
import { deliver } from "./outbound/deliver.ts";
import { releaseInterrupted } from "./outbound/interrupted.ts";
import { deliveryClaimer } from "./outbound/sql.ts";

/** A piece of claimed work: started at once, never rejects. */
export type Start = (work: () => Promise<void>) => void;

/**
 * Rounds over due rows. `claim` takes what is due now, `tend` looks after what only time or another process leaves behind:
 * leases that ran out, hooks that came ahead of their job.
 */
export class Sweep {
	readonly #deps: Deps;
	readonly #submissions = submissionClaimer();
	readonly #deliveries = deliveryClaimer();

	constructor(deps: Deps) {
		this.#deps = deps;
	}

	/** Claims and starts at most `room` pieces of work. Returns when the next row will be due, or null. */
	async claim(room: number, start: Start): Promise<{ started: number; nextDueAt: number | null }> {
		const deps = this.#deps;
		const submissions = await this.#submissions.round(deps, room);
		for (const claimed of submissions.rows) start(() => (claimed.phase === "send" ? dispatch(deps, claimed) : poll(deps, claimed)));
		const left = room - submissions.rows.length;
		const deliveries = left > 0 ? await this.#deliveries.round(deps, left) : { rows: [], nextDueAt: null };
		for (const claimed of deliveries.rows) start(() => deliver(deps, claimed));
		const next = [submissions.nextDueAt, deliveries.nextDueAt].filter((at) => at !== null);
		return { started: submissions.rows.length + deliveries.rows.length, nextDueAt: next.length > 0 ? Math.min(...next) : null };
	}

	async tend(): Promise<void> {
		await releaseSubmissions(this.#deps);
		await releaseInterrupted(this.#deps);
		await joinOrphans(this.#deps);
	}
}
