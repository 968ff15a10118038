export interface Schedule {
	retryDelaysMs: readonly number[];
	/** After 429 or a timeout the next attempt waits at least this long. */
	overloadDelayMs: number;
	/** A delivery is not tried any more once it is this old. */
	deliveryMaxAgeMs: number;
}

/** Each delay is up to so much longer. */
export const JITTER = 0.2;

/** As deAPI retries its own webhooks: ten attempts over 22 h 48 m (facts: deAPI webhooks). */
const DEAPI_DELAYS_S = [60, 120, 300, 600, 1800, 3600, 10_800, 21_600, 43_200];
/** And as many failures in a row, of whatever deliveries, disable the endpoint. */
export const DEAPI_FAILURES = 10;

/** An endpoint's own schedule, or the settings'. `retry`: seconds from each attempt to the next. */
export const scheduleOf = (settings: Schedule, retry: "deapi" | readonly number[] | null): Schedule => {
	if (retry === null) return settings;
	const seconds = retry === "deapi" ? DEAPI_DELAYS_S : retry;
	return { ...settings, retryDelaysMs: seconds.map((delay) => delay * 1000) };
};

export interface Failed {
	/** How many attempts have spent budget, this one included. */
	failures: number;
	/** Since when the delivery's age counts. */
	armedAtMs: number;
	nowMs: number;
	/** What the receiver asked for. */
	retryAfterMs: number | null;
	/** The receiver is out of breath. */
	overload: boolean;
	random01: number;
}

/**
 * When the next attempt is due, or null when the budget is spent or the delivery would be too old by then.
 * The schedule's delay × U(1.0, 1.2), and never before the receiver's own `Retry-After`.
 */
export function nextAttemptAt(schedule: Schedule, failed: Failed): number | null {
	const { failures, armedAtMs, nowMs, retryAfterMs, overload, random01 } = failed;
	const delay = schedule.retryDelaysMs[failures - 1];
	if (delay === undefined) return null;
	const base = overload ? Math.max(delay, schedule.overloadDelayMs) : delay;
	const at = Math.round(nowMs + Math.max(base * (1 + JITTER * random01), retryAfterMs ?? 0));
	return isTooOld(schedule, armedAtMs, at) ? null : at;
}

/** Whether an attempt at that time would come too late. Our own troubles spend no budget, but they do not make it younger. */
export const isTooOld = ({ deliveryMaxAgeMs }: Pick<Schedule, "deliveryMaxAgeMs">, armedAtMs: number, atMs: number): boolean =>
	atMs > armedAtMs + deliveryMaxAgeMs;
