import { JobhookError } from "../errors.ts";

const DEADLINE_MS = 2000;

/** Connections that may be in use at once. Who waits for one in vain is told soon, instead of waiting for ever. */
export class Permits {
	readonly #deadlineMs: number;
	#free: number;
	#waiting: { spare: number; start: () => void }[] = [];

	constructor(free: number, deadlineMs = DEADLINE_MS) {
		this.#free = free;
		this.#deadlineMs = deadlineMs;
	}

	/** Takes one where `spare` others stay free; rejects as `unavailable` when none comes free in time. Returns how to give it back. */
	take(spare: number): Promise<() => void> {
		const giveBack = () => {
			this.#free++;
			this.#next();
		};
		if (this.#free > spare) {
			this.#free--;
			return Promise.resolve(giveBack);
		}
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => {
				this.#waiting = this.#waiting.filter((other) => other !== waiter);
				reject(new JobhookError("unavailable", `no connection to the database came free within ${this.#deadlineMs / 1000} s`));
			}, this.#deadlineMs);
			const waiter = {
				spare,
				start: () => {
					clearTimeout(timer);
					resolve(giveBack);
				},
			};
			this.#waiting.push(waiter);
		});
	}

	/** The first that may: those who leave none to spare pass those who must. */
	#next(): void {
		const first = this.#waiting.find(({ spare }) => this.#free > spare);
		if (first === undefined) return;
		this.#free--;
		this.#waiting = this.#waiting.filter((other) => other !== first);
		first.start();
	}
}
