import { JobhookError } from "../errors.ts";

const DEADLINE_MS = 2000;

interface Waiter {
	background: boolean;
	start: () => void;
}

/**
 * Connections that may be in use at once, of which background work has at most so many. First come, first served. Who waits
 * in vain is told soon, instead of waiting for ever.
 */
export class Permits {
	readonly #deadlineMs: number;
	readonly #waiting = new Set<Waiter>();
	#free: number;
	#freeInBackground: number;

	constructor({ all, background }: { all: number; background: number }, deadlineMs = DEADLINE_MS) {
		this.#free = all;
		this.#freeInBackground = background;
		this.#deadlineMs = deadlineMs;
	}

	/** Resolves with how to give it back; rejects as `unavailable` when none comes free in time. */
	take(background: boolean): Promise<() => void> {
		if (this.#has(background)) return Promise.resolve(this.#hold(background));
		return new Promise((resolve, reject) => {
			const waiter = {
				background,
				start: () => {
					this.#waiting.delete(waiter);
					clearTimeout(timer);
					resolve(this.#hold(background));
				},
			};
			const timer = setTimeout(() => {
				this.#waiting.delete(waiter);
				reject(new JobhookError("unavailable", `no connection to the database came free within ${this.#deadlineMs / 1000} s`));
			}, this.#deadlineMs);
			this.#waiting.add(waiter);
		});
	}

	#has(background: boolean): boolean {
		return this.#free > 0 && (!background || this.#freeInBackground > 0);
	}

	#hold(background: boolean): () => void {
		this.#count(background, -1);
		let held = true;
		return () => {
			if (!held) return;
			held = false;
			this.#count(background, 1);
			for (const waiter of this.#waiting) if (this.#has(waiter.background)) return waiter.start();
		};
	}

	#count(background: boolean, by: 1 | -1): void {
		this.#free += by;
		if (background) this.#freeInBackground += by;
	}
}
