/** Lets so many through in each `everyMs` of the clock, and counts those it holds back. */
export class Throttle {
	readonly #most: number;
	readonly #everyMs: number;
	#window = Number.NaN;
	#passed = 0;
	#heldBack = 0;

	constructor({ most, everyMs }: { most: number; everyMs: number }) {
		this.#most = most;
		this.#everyMs = everyMs;
	}

	/** Null where this one is held back; else how many were since the last that was let through. */
	pass(nowMs: number): number | null {
		const window = Math.floor(nowMs / this.#everyMs);
		if (window !== this.#window) this.#passed = 0;
		this.#window = window;
		if (this.#passed >= this.#most) {
			this.#heldBack++;
			return null;
		}
		const since = this.#heldBack;
		this.#passed++;
		this.#heldBack = 0;
		return since;
	}
}
