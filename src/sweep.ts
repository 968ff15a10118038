import type { Deps } from "./deps.ts";
import { joinOrphans } from "./jobs/orphans.ts";
import { releaseSubmissions } from "./jobs/release.ts";
import { submissionClaimer } from "./jobs/sql/work.ts";
import { workOn } from "./jobs/work.ts";
import { alone } from "./lanes/alone.ts";
import type { Claimer, Round } from "./lanes/claim.ts";
import { type Allot, FairShares } from "./lanes/shares.ts";
import { deliver } from "./outbound/deliver.ts";
import { catchUpEndpoints } from "./outbound/endpoint/catch-up.ts";
import { watchEndpoints } from "./outbound/endpoint/watch.ts";
import { releaseInterrupted } from "./outbound/interrupted.ts";
import { RecoverySteps } from "./outbound/recover/steps.ts";
import { deliveryClaimer } from "./outbound/sql.ts";
import { Retention } from "./retention.ts";

/** A piece of claimed work: started at once, never rejects. */
export type Start = (work: () => Promise<void>) => void;

/**
 * Rounds over due rows. `claim` takes what is due now; `tend` looks after what only time or another process leaves behind:
 * leases that ran out, hooks that came ahead of their job, deliveries of an endpoint that was switched; `retain` drops what
 * has been kept long enough. What breaks in one part, or in one row, stays there: it never keeps the others from their turn.
 */
export class Sweep {
	readonly #deps: Deps;
	readonly #submissions = submissionClaimer();
	readonly #deliveries = deliveryClaimer();
	readonly #shares = new FairShares();
	readonly #recoveries: RecoverySteps;
	readonly #retention: Retention;

	constructor(deps: Deps) {
		this.#deps = deps;
		this.#recoveries = new RecoverySteps(deps);
		this.#retention = new Retention(deps);
	}

	/** Claims and starts at most `room` pieces of work, behind due steps of recoveries. Returns when the next row will be due, or null. */
	async claim(room: number, start: Start): Promise<{ started: number; nextDueAt: number | null }> {
		const deps = this.#deps;
		await this.#recoveries.round();
		const submissions = await this.#round("claims of submissions", this.#submissions, room);
		for (const claimed of submissions.rows) start(() => workOn(deps, claimed));
		const left = room - submissions.rows.length;
		const deliveries = left > 0 ? await this.#round("claims of deliveries", this.#deliveries, left, this.#shares.round()) : NOTHING;
		for (const claimed of deliveries.rows) start(() => this.#shares.holding(claimed.appId, () => deliver(deps, claimed)));
		const next = [submissions.nextDueAt, deliveries.nextDueAt, this.#recoveries.nextAt(deliveries.rows.length > 0)].filter(
			(at) => at !== null,
		);
		return { started: submissions.rows.length + deliveries.rows.length, nextDueAt: next.length > 0 ? Math.min(...next) : null };
	}

	/** `most`: leases of each kind that one call gives back, and batches for endpoints; of orphans, and of endpoints that fail, a fifth of that. */
	async tend(most = 500): Promise<void> {
		await alone(this.#deps, { part: "leases of submissions" }, () => releaseSubmissions(this.#deps, most));
		await alone(this.#deps, { part: "leases of deliveries" }, () => releaseInterrupted(this.#deps, most));
		await alone(this.#deps, { part: "switched endpoints" }, () => catchUpEndpoints(this.#deps, most));
		await alone(this.#deps, { part: "recoveries" }, () => this.#recoveries.look());
		await alone(this.#deps, { part: "failing endpoints" }, () => watchEndpoints(this.#deps, Math.ceil(most / 5)));
		await alone(this.#deps, { part: "orphans" }, () => joinOrphans(this.#deps, Math.ceil(most / 5)));
	}

	/** A short stretch of retention; the next call goes on where this one stopped. `stopping` ends it early. */
	async retain(stopping: () => boolean = () => false): Promise<void> {
		await alone(this.#deps, { part: "retention" }, () => this.#retention.stretch(stopping));
	}

	async #round<Row>(part: string, claimer: Claimer<Row>, room: number, allot?: Allot): Promise<Round<Row>> {
		return (await alone(this.#deps, { part }, () => claimer.round(this.#deps, room, allot))) ?? NOTHING;
	}
}

const NOTHING = { rows: [], nextDueAt: null };
