import type { Clock } from "../core/clock.ts";
import type { Log } from "../deps.ts";

const SAMPLES = 3;
/** An answer that took longer says too little. */
const SLOWEST_MS = 2000;
/** Worth a line in the log, or another look at the server. */
const NOTABLE_MS = 1000;
/** While it is ahead it runs at this part of its speed. */
const SLOWED = 0.5;

/** This machine's two clocks, milliseconds: one that only ever runs, and the one that somebody sets. */
export interface MachineClocks {
	running(): number;
	wall(): number;
}
const MACHINE: MachineClocks = { running: () => performance.now(), wall: () => Date.now() };

/**
 * The database server's time on every process: this machine's running clock and its distance to the server. What this
 * machine takes for the time of day does not matter. It never goes back, for ids are in its order and a lease that ends
 * earlier than it was given is a callback sent twice: what it is ahead it loses by running slower.
 */
export class ServerClock implements Clock {
	readonly #ask: () => Promise<number>;
	readonly #log: Pick<Log, "warn">;
	readonly #machine: MachineClocks;
	/** Server's time less running time: as it is shown, and as it was last measured. */
	#shown = Number.NaN;
	#measured = Number.NaN;
	#lastAt = 0;
	/** Wall less running time; it changes when somebody sets the clock, and when the machine was asleep. */
	#apart = 0;

	/** `ask`: the server's time, epoch milliseconds. Of no use before it was measured once. */
	constructor(ask: () => Promise<number>, log: Pick<Log, "warn">, machine: MachineClocks = MACHINE) {
		this.#ask = ask;
		this.#log = log;
		this.#machine = machine;
	}

	now(): number {
		const at = this.#machine.running();
		if (Math.abs(this.#machine.wall() - at - this.#apart) > NOTABLE_MS) void this.measure().catch(() => {});
		this.#shown = Math.max(this.#measured, this.#shown - (at - this.#lastAt) * (1 - SLOWED));
		this.#lastAt = at;
		return Math.floor(at + this.#shown);
	}

	/** Looks at the server's clock. Rejects when it cannot be asked; then the distance stays what it was. */
	async measure(): Promise<void> {
		this.#apart = this.#machine.wall() - this.#machine.running();
		const samples = [];
		for (let i = 0; i < SAMPLES; i++) samples.push(await this.#sample());
		const { offset, error } = samples.reduce((best, one) => (one.error < best.error ? one : best));
		if (Number.isNaN(this.#measured)) return this.#begin(offset);
		const change = offset - this.#measured;
		if (error > SLOWEST_MS / 2 || Math.abs(change) <= error) return;
		if (Math.abs(change) > NOTABLE_MS) this.#log.warn({ by_ms: Math.round(change) }, "clock.moved");
		this.#measured = offset;
	}

	#begin(offset: number): void {
		this.#measured = offset;
		this.#shown = offset;
		this.#lastAt = this.#machine.running();
		const ahead = Math.round(this.#apart - offset);
		if (Math.abs(ahead) > NOTABLE_MS)
			this.#log.warn({ ahead_ms: ahead }, "this machine's clock is not the database server's, which is the one that counts");
	}

	async #sample(): Promise<{ offset: number; error: number }> {
		const before = this.#machine.running();
		const time = await this.#ask();
		const after = this.#machine.running();
		return { offset: time - (before + after) / 2, error: (after - before) / 2 };
	}
}
