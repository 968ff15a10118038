import { setTimeout as sleep } from "node:timers/promises";

/** Waits until something is so; throws when the run was stopped, or when its time is over, and says what it waited for. */
export type Until = (what: string, done: () => boolean | Promise<boolean>, everyMs?: number) => Promise<void>;

/** All waits of one run share its time and its end. */
export function untilWithin(limitMs: number, stopped: AbortSignal): Until {
	const end = performance.now() + limitMs;
	return async (what, done, everyMs = 20) => {
		while (!(await done())) {
			stopped.throwIfAborted();
			if (performance.now() > end) throw new Error(`after ${limitMs / 1000} s still not so: ${what}`);
			await sleep(everyMs);
		}
		stopped.throwIfAborted();
	};
}

/** As `done` of a wait: true once `ms` have passed. */
export function passed(ms: number): () => boolean {
	const end = performance.now() + ms;
	return () => performance.now() >= end;
}
