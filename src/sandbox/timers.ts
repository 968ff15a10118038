/** Where the sandbox gets its time-outs from; a test moves them by hand. Returns a cancel. */
export interface Timers {
	after(ms: number, fn: () => void): () => void;
}

/** Timers that one close() ends together, so that nothing of a closed sandbox runs later. */
export interface Schedule {
	after(ms: number, fn: () => void): void;
	/** Resolves after `ms`, or at once when the schedule is closed. */
	wait(ms: number): Promise<void>;
	close(): void;
	readonly closed: boolean;
}

export function createSchedule(timers: Timers): Schedule {
	const stops = new Set<() => void>();
	let closed = false;
	function after(ms: number, fn: () => void, whenClosed: () => void = () => {}): void {
		if (closed) {
			whenClosed();
			return;
		}
		const cancel = timers.after(ms, () => {
			stops.delete(stop);
			fn();
		});
		const stop = () => {
			cancel();
			whenClosed();
		};
		stops.add(stop);
	}
	return {
		get closed() {
			return closed;
		},
		after: (ms, fn) => after(ms, fn),
		wait: (ms) => new Promise((resolve) => after(ms, resolve, resolve)),
		close() {
			closed = true;
			for (const stop of stops) stop();
			stops.clear();
		},
	};
}
