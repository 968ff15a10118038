import type { Deps } from "../deps.ts";
import { isUnavailable } from "../errors.ts";
import { Sweep } from "../sweep.ts";

/**
 * Runs rounds: at a wake, when the next row is due, and every `SWEEP_EVERY_S` whatever the hints said.
 * At most `PROCESS_CONCURRENCY` pieces of work at once.
 */
export class Loop {
	readonly #deps: Deps;
	readonly #sweep: Sweep;
	#inFlight = 0;
	#running = false;
	#retaining = false;
	#again = false;
	#stopped = false;
	#timer: NodeJS.Timeout | undefined;
	#lastTended = Number.NEGATIVE_INFINITY;
	#whenIdle: (() => void)[] = [];

	constructor(deps: Deps) {
		this.#deps = deps;
		this.#sweep = new Sweep(deps);
	}

	/** Work may be due. Many calls in one turn make one round. */
	readonly wake = (): void => {
		if (this.#stopped) return;
		this.#again = true;
		if (!this.#running) {
			this.#running = true;
			setImmediate(() => void this.#rounds());
		}
	};

	/** Claims and begins nothing more. */
	stop(): void {
		this.#stopped = true;
		clearTimeout(this.#timer);
	}

	/** Resolves when everything in flight has settled, at the latest after `ms`. True when it has. */
	async idle(ms: number): Promise<boolean> {
		if (this.#idle) return true;
		const settled = new Promise<boolean>((resolve) => this.#whenIdle.push(() => resolve(true)));
		let timer: NodeJS.Timeout | undefined;
		const late = new Promise<boolean>((resolve) => {
			timer = setTimeout(() => resolve(false), ms);
		});
		const result = await Promise.race([settled, late]);
		clearTimeout(timer);
		return result;
	}

	get inFlight(): number {
		return this.#inFlight;
	}

	get #idle(): boolean {
		return this.#inFlight === 0 && !this.#running && !this.#retaining;
	}

	async #rounds(): Promise<void> {
		let nextDueAt: number | null = null;
		while (this.#again && !this.#stopped) {
			this.#again = false;
			try {
				nextDueAt = await this.#round();
			} catch (e) {
				this.#deps.log.error({ err: e, unavailable: isUnavailable(e) }, "sweep.failed");
			}
		}
		this.#running = false;
		this.#schedule(nextDueAt);
		this.#tellIdle();
	}

	async #round(): Promise<number | null> {
		const { clock, config } = this.#deps;
		if (clock.now() - this.#lastTended >= config.sweepEveryMs) {
			this.#lastTended = clock.now();
			await this.#sweep.tend();
			void this.#retain();
		}
		const room = config.processConcurrency - this.#inFlight;
		if (room <= 0) return null; // whatever finishes next wakes us
		const { nextDueAt } = await this.#sweep.claim(room, (work) => void this.#start(work));
		return nextDueAt;
	}

	/** Beside the rounds, which never wait for it. */
	async #retain(): Promise<void> {
		if (this.#retaining) return;
		this.#retaining = true;
		await this.#sweep.retain(() => this.#stopped);
		this.#retaining = false;
		this.#tellIdle();
	}

	async #start(work: () => Promise<void>): Promise<void> {
		this.#inFlight++;
		try {
			await work();
		} catch (e) {
			// not settled: its lease runs out and the sweep takes it from there
			this.#deps.log.error({ err: e, unavailable: isUnavailable(e) }, "work.failed");
		} finally {
			this.#inFlight--;
			this.wake();
			this.#tellIdle();
		}
	}

	#schedule(nextDueAt: number | null): void {
		if (this.#stopped) return;
		clearTimeout(this.#timer);
		const { clock, config } = this.#deps;
		const wait = Math.min(config.sweepEveryMs, nextDueAt === null ? Number.POSITIVE_INFINITY : Math.max(1, nextDueAt - clock.now()));
		this.#timer = setTimeout(this.wake, wait);
	}

	#tellIdle(): void {
		if (this.#idle) for (const done of this.#whenIdle.splice(0)) done();
	}
}
