import type { MiddlewareHandler } from "hono";
import type { Clock } from "../../core/clock.ts";
import type { CutConnection } from "../cut.ts";
import type { Schedule } from "../timers.ts";
import type { SandboxEnv } from "./calls.ts";
import { failure, messageOf } from "./errors.ts";
import type { CallFault, CallName, Knobs } from "./knobs.ts";
import { type LimitType, secondsToMidnight } from "./limits.ts";

export interface FaultOptions {
	knobs: Knobs;
	schedule: Schedule;
	clock: Clock;
	cut: CutConnection;
}

/** Does to a call what the knobs ask for, outside of authentication and rate limits, as an edge or a broken network would. */
export function faults(call: CallName, { knobs, schedule, clock, cut }: FaultOptions): MiddlewareHandler<SandboxEnv> {
	return async (c, next) => {
		const fault = knobs.takeFault(call);
		if (fault === null) return next();
		c.get("entry").fault = describe(fault);
		if (fault.createFirst) await next();
		if (fault.hangMs !== undefined) await schedule.wait(fault.hangMs);
		c.set("cut", fault.reset);
		const spoilt = fault.reset ? cut(c.env) : answer(fault, clock.now());
		if (spoilt === null) return;
		c.res = undefined; // else Hono would carry the headers of the real answer over
		c.res = spoilt;
	};
}

/** Null = the real answer stands, late. */
function answer(fault: CallFault, nowMs: number): Response | null {
	const status = fault.status ?? (fault.createFirst ? null : 504);
	if (status === null) return null;
	const headers: Record<string, string> = {};
	if (fault.retryAfter !== undefined) headers["Retry-After"] = String(fault.retryAfter);
	return status === 429
		? tooMany(fault.limitType, fault.retryAfter ?? defaultWait(fault, nowMs))
		: failure(status, messageOf(status), headers);
}

const defaultWait = (fault: CallFault, nowMs: number): number => (fault.limitType === "daily" ? secondsToMidnight(nowMs) : 60);

export function tooMany(type: LimitType, retryAfterSeconds: number, headers: Record<string, string> = {}): Response {
	const wait = { "Retry-After": String(retryAfterSeconds), "X-RateLimit-Type": type };
	return failure(429, messageOf(429), { "X-RateLimit-Remaining": "0", ...headers, ...wait });
}

function describe(fault: CallFault): string {
	const parts = [
		fault.createFirst ? "createFirst" : null,
		fault.hangMs === undefined ? null : `hang ${fault.hangMs} ms`,
		fault.status === undefined ? null : `status ${fault.status}`,
		fault.reset ? "reset" : null,
	];
	return parts.filter((part) => part !== null).join(", ");
}
