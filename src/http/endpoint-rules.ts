import type { z } from "@hono/zod-openapi";
import type { Config } from "../config.ts";
import type { Rules } from "../outbound/endpoint/rules.ts";
import { JITTER } from "../outbound/schedule.ts";
import { validationFailed } from "./errors.ts";
import type { EndpointRules } from "./schemas/endpoint-rules.ts";

/** The rules that a request names; what it does not name is absent. */
export function rulesIn(wish: z.infer<typeof EndpointRules>, { deliveryMaxAgeMs }: Config): Partial<Rules> {
	const rules: Partial<Rules> = {};
	const { retry_schedule: retry, timeout_ms: timeoutMs, max_in_flight: maxInFlight, rate } = wish;
	if (retry !== undefined) rules.retry = retry === "standard" ? null : retry;
	if (timeoutMs !== undefined) rules.timeoutMs = timeoutMs;
	if (maxInFlight !== undefined) rules.maxInFlight = maxInFlight;
	if (rate !== undefined) rules.rate = rate && { limit: rate.limit, periodMs: rate.period_s * 1000 };
	if (Array.isArray(rules.retry) && longest(rules.retry) > deliveryMaxAgeMs) {
		const hours = Math.floor(deliveryMaxAgeMs / (1 + JITTER) / 3_600_000);
		const message = `must add up to at most ${hours} hours: each delay may be a fifth longer, and a delivery older than DELIVERY_MAX_AGE_H is not tried`;
		throw validationFailed([{ field: "retry_schedule", message }]);
	}
	return rules;
}

/** Milliseconds to the last attempt where every delay is as long as it may be. */
const longest = (seconds: readonly number[]) => seconds.reduce((sum, one) => sum + one, 0) * 1000 * (1 + JITTER);
