/** How an endpoint wants to be told, besides what all are told alike. What is null is as the settings say. */
export interface Rules {
	/** A preset, or seconds from each attempt to the next. */
	retry: "deapi" | readonly number[] | null;
	/** Of one attempt, body included. */
	timeoutMs: number | null;
	maxInFlight: number | null;
	/** At most so many starts in any stretch of that length. */
	rate: { limit: number; periodMs: number } | null;
}

/** As the row keeps them. */
export interface StoredRules {
	retry: string | null;
	timeoutMs: number | null;
	maxInFlight: number | null;
	rateLimit: number | null;
	ratePeriodMs: number | null;
}

export const stored = ({ retry, timeoutMs, maxInFlight, rate }: Rules): StoredRules => ({
	retry: retry === null || typeof retry === "string" ? retry : JSON.stringify(retry),
	timeoutMs,
	maxInFlight,
	rateLimit: rate?.limit ?? null,
	ratePeriodMs: rate?.periodMs ?? null,
});

export const NO_RULES: Rules = { retry: null, timeoutMs: null, maxInFlight: null, rate: null };

export const readRetry = (text: string | null): Rules["retry"] =>
	text === null || text === "deapi" ? text : (JSON.parse(text) as readonly number[]);

export const readRules = (row: StoredRules): Rules => ({
	retry: readRetry(row.retry),
	timeoutMs: row.timeoutMs,
	maxInFlight: row.maxInFlight,
	rate: row.rateLimit === null || row.ratePeriodMs === null ? null : { limit: row.rateLimit, periodMs: row.ratePeriodMs },
});
