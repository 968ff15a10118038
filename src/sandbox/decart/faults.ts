import type { MiddlewareHandler } from "hono";
import type { CutConnection } from "../cut.ts";
import type { Schedule } from "../timers.ts";
import type { DecartEnv } from "./calls.ts";
import { refusal, textOf, tokenRefusal } from "./errors.ts";
import type { CallFault, CallName, Knobs } from "./knobs.ts";

export interface FaultOptions {
	knobs: Knobs;
	schedule: Schedule;
	cut: CutConnection;
}

/** Does to a call what the knobs ask for, outside of keys and rate limits, as an edge or a broken network would. */
export function faults(call: CallName, { knobs, schedule, cut }: FaultOptions): MiddlewareHandler<DecartEnv> {
	return async (c, next) => {
		const fault = knobs.takeFault(call);
		if (fault === null) return next();
		const { createFirst, hangMs = 0, body = null } = fault;
		c.get("entry").fault = describe(fault);
		c.set("spoil", body);
		if (createFirst) await next();
		if (hangMs > 0) await schedule.wait(hangMs);
		c.set("cut", fault.reset);
		const spoilt = fault.reset ? cut(c.env) : answer(fault, call);
		if (spoilt === null) return createFirst ? undefined : next();
		c.res = undefined; // else Hono would carry the headers of the real answer over
		c.res = spoilt;
	};
}

/** Null = the real answer stands, late or with other bytes. */
function answer({ status: asked, text, retryAfter, createFirst, body }: CallFault, call: CallName): Response | null {
	const status = asked ?? (text === undefined ? null : 200) ?? (createFirst || body !== undefined ? null : 504);
	if (status === null) return null;
	const wait = retryAfter ?? (status === 429 ? 60 : null);
	const headers: Record<string, string> = wait === null ? {} : { "Retry-After": String(wait) };
	if (text !== undefined) return new Response(text, { status, headers: { ...headers, "Content-Type": "text/html" } });
	if (status === 204) return new Response(null, { status, headers });
	if (call === "tokens" && (status === 401 || status === 403)) return tokenRefusal(status);
	return refusal(status, textOf(status), headers);
}

function describe(fault: CallFault): string {
	const parts = [
		fault.createFirst ? "createFirst" : null,
		fault.hangMs === undefined ? null : `hang ${fault.hangMs} ms`,
		fault.status === undefined ? null : `status ${fault.status}`,
		fault.text === undefined ? null : "text",
		fault.reset ? "reset" : null,
		fault.body ?? null,
	];
	return parts.filter((part) => part !== null).join(", ");
}
