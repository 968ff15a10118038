import { z } from "@hono/zod-openapi";

/** A faster one could not be kept evenly to the millisecond; `max_in_flight` bounds what comes faster. */
const FASTEST_PER_S = 100;

const whole = (what: string, min: number, max: number) => {
	const words = `must be ${what}, ${min} to ${max}`;
	return z.int(words).min(min, words).max(max, words);
};
const daySeconds = whole("whole seconds", 1, 86_400);
const MANY = "must have 1 to 50 delays";
const SCHEDULE = "must be standard, deapi, or a list of 1 to 50 delays in whole seconds, each 1 to 86400";

const fields = {
	retry_schedule: z.union([z.enum(["standard", "deapi"]), z.array(daySeconds).min(1, MANY).max(50, MANY)], SCHEDULE).openapi({
		description: "`standard`: as `RETRY_DELAYS_S` says; `deapi`: ten attempts over 22 h 48 m; or seconds from each attempt to the next",
	}),
	timeout_ms: whole("whole milliseconds", 1000, 30_000)
		.nullable()
		.openapi({ description: "Of one attempt, body included; null: `ATTEMPT_DEADLINE_MS`" }),
	max_in_flight: whole("a whole number", 1, 100).nullable().openapi({ description: "Attempts at once; null: `LANE_CONCURRENCY`" }),
	rate: z
		.strictObject({ limit: whole("a whole number", 1, 1_000_000), period_s: daySeconds }, "must have limit and period_s, or be null")
		.refine(({ limit, period_s: seconds }) => limit <= seconds * FASTEST_PER_S, {
			path: ["limit"],
			message: `must be at most ${FASTEST_PER_S} a second; leave the rate out for more`,
		})
		.nullable()
		.openapi({ description: "Attempts that start in any such period, evenly; what waits for it spends no attempt. Null: none" }),
};

/** What may be given to an endpoint, all of it optional. */
export const endpointRules = {
	retry_schedule: fields.retry_schedule.optional(),
	timeout_ms: fields.timeout_ms.optional(),
	max_in_flight: fields.max_in_flight.optional(),
	rate: fields.rate.optional(),
};
export const EndpointRules = z.object(endpointRules);

/** As an endpoint shows them. */
export const shownRules = fields;
