import type { Deps } from "../../deps.ts";
import { alone } from "../../lanes/alone.ts";
import { dueSteps, firstStep } from "./sql.ts";
import { stepRecovery } from "./step.ts";

const LOOK_EVERY_MS = 1000;
/** Recoveries that take a step in one round: each is a short batch, and the others come in the next. */
const AT_ONCE = 20;

type Ports = Pick<Deps, "db" | "clock" | "config" | "log">;

/**
 * The steps of all recoveries, in a process that makes rounds. It knows when the first one is due. New ones, of whatever
 * process, are found by `look`, and beside deliveries that are sent at most a second later.
 */
export class RecoverySteps {
	readonly #deps: Ports;
	#dueAt: number | null = null;
	#lookAt: number | null = null;
	#lookedAt = 0;

	constructor(deps: Ports) {
		this.#deps = deps;
	}

	/** Asks SQL when the next step is due. */
	async look(): Promise<void> {
		this.#lookedAt = this.#deps.clock.now();
		this.#lookAt = null;
		const [first] = await this.#deps.db.read(firstStep.bind({}));
		this.#dueAt = first?.at ?? null;
	}

	/** Does what is due. Whatever breaks is tried again a second later. */
	async round(): Promise<void> {
		const now = this.#deps.clock.now();
		if (this.#lookAt !== null && this.#lookAt <= now) await this.#alone(() => this.look());
		if (this.#dueAt === null || this.#dueAt > now) return;
		await this.#alone(async () => {
			const due = await this.#deps.db.read(dueSteps.bind({ now, most: AT_ONCE }));
			let failed = false;
			for (const { id } of due) failed = (await alone(this.#deps, { recovery: id }, () => stepRecovery(this.#deps, id))) === null || failed;
			await this.look();
			if (failed) this.#dueAt = now + LOOK_EVERY_MS;
		});
	}

	/** When the next step, or look, is due. `started`: deliveries left just now, and those of a new recovery may be among them. */
	nextAt(started: boolean): number | null {
		if (started) this.#lookAt ??= this.#lookedAt + LOOK_EVERY_MS;
		if (this.#dueAt === null || this.#lookAt === null) return this.#dueAt ?? this.#lookAt;
		return Math.min(this.#dueAt, this.#lookAt);
	}

	async #alone(run: () => Promise<void>): Promise<void> {
		const done = await alone(this.#deps, { part: "recoveries" }, async () => {
			await run();
			return true;
		});
		if (done === null) this.#dueAt = this.#deps.clock.now() + LOOK_EVERY_MS;
	}
}
