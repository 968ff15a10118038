export interface Schedule {
	retryDelaysMs: readonly number[];
	/** After 429 or a timeout the next attempt waits at least this long. */
	overloadDelayMs: number;
}

/**
 * When the next attempt is due after `failures` that spent budget, or null when the budget is spent.
 * The schedule's delay × U(1.0, 1.2), and never before the receiver's own `Retry-After`.
 */
export function nextAttemptAt(
	schedule: Schedule,
	failures: number,
	nowMs: number,
	random01: number,
	retryAfter: number | null,
	overload: boolean,
): number | null {
	const delay = schedule.retryDelaysMs[failures - 1];
	if (delay === undefined) return null;
	const base = overload ? Math.max(delay, schedule.overloadDelayMs) : delay;
	return Math.round(nowMs + Math.max(base * (1 + 0.2 * random01), retryAfter ?? 0));
}
