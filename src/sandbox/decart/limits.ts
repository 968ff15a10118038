import type { Clock } from "../../core/clock.ts";

export interface Limits {
	/** Seconds to wait, or null when the call may go on. */
	refuse(bucket: string, perMinute: number): number | null;
}

/** A minute starts with the first call in it. */
export function createLimits(clock: Clock): Limits {
	const buckets = new Map<string, { from: number; calls: number }>();
	return {
		refuse(name, perMinute) {
			const now = clock.now();
			const old = buckets.get(name);
			const bucket = old === undefined || now >= old.from + 60_000 ? { from: now, calls: 0 } : old;
			buckets.set(name, bucket);
			if (bucket.calls >= perMinute) return Math.max(1, Math.ceil((bucket.from + 60_000 - now) / 1000));
			bucket.calls++;
			return null;
		},
	};
}
