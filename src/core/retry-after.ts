/**
 * The `Retry-After` header in milliseconds from now: seconds or an HTTP date (RFC 9110 §10.2.3), at most `capMs`.
 * Null when absent, in the past or not to be understood.
 */
export function retryAfterMs(header: string | undefined, nowMs: number, capMs: number): number | null {
	if (header === undefined) return null;
	const text = header.trim();
	const ms = /^\d+(\.\d+)?$/.test(text) ? Math.ceil(Number(text) * 1000) : httpDate(text) - nowMs;
	return Number.isFinite(ms) && ms > 0 ? Math.min(ms, capMs) : null;
}

/** Only what looks like a date with a time zone: `Date.parse` alone would read "-5" as the year 2001. */
const httpDate = (text: string): number => (/^[A-Z][a-z]{2,8},? .*(GMT|UTC|[+-]\d{4})$/.test(text) ? Date.parse(text) : Number.NaN);
