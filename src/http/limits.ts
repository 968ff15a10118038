import { createMiddleware } from "hono/factory";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { Backpressure } from "../jobs/backpressure.ts";
import type { Vars } from "./context.ts";

const WINDOW_MS = 60_000;
const OVERLOADED_RETRY_S = 5;

/**
 * Requests of one key in one minute of the clock, counted in this process. Only keys that were let in are counted, and all
 * counts go when the minute does, so that strangers cannot fill the memory.
 */
export function requestsPerMinute({ config, clock }: Pick<Deps, "config" | "clock">) {
	const limit = config.requestsPerMinute;
	const used = new Map<string, number>();
	let minute = 0;
	return createMiddleware<Vars>(async (c, next) => {
		if (limit === 0) return next();
		const now = clock.now();
		const current = Math.floor(now / WINDOW_MS);
		if (current !== minute) used.clear();
		minute = current;
		const { keyId } = c.var.caller;
		const count = (used.get(keyId) ?? 0) + 1;
		used.set(keyId, count);
		const resetAt = (current + 1) * WINDOW_MS;
		c.header("X-RateLimit-Limit", String(limit));
		c.header("X-RateLimit-Remaining", String(Math.max(0, limit - count)));
		c.header("X-RateLimit-Reset", String(resetAt / 1000));
		if (count > limit)
			throw new JobhookError("rate_limited", `this key has made its ${limit} requests of this minute`, {
				retryAfterS: Math.max(1, Math.ceil((resetAt - now) / 1000)),
			});
		await next();
	});
}

/** Turns submits away while those before them wait for us; everything else, hooks above all, is let through. */
export function notOverloaded(deps: Pick<Deps, "db" | "config" | "clock">) {
	const backpressure = new Backpressure(deps);
	return createMiddleware(async (c, next) => {
		if (c.req.method === "POST" && (await backpressure.isOn()))
			throw new JobhookError("overloaded", "jobs that were accepted before wait for longer than they should; try again later", {
				retryAfterS: OVERLOADED_RETRY_S,
			});
		await next();
	});
}
