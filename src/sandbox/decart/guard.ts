import type { MiddlewareHandler } from "hono";
import type { Clock } from "../../core/clock.ts";
import { type DecartEnv, summary } from "./calls.ts";
import { invalid, missing, refusal, tokenRefusal } from "./errors.ts";
import { type FaultOptions, faults } from "./faults.ts";
import { readForm } from "./form.ts";
import { forbidden, type Keys } from "./keys.ts";
import type { CallName } from "./knobs.ts";
import { createLimits } from "./limits.ts";
import { findModel } from "./models.ts";

export type Handler = MiddlewareHandler<DecartEnv>;

export interface GuardOptions extends FaultOptions {
	clock: Clock;
	keys: Keys;
}

/** What every call goes through: fault, model, key, rate limit. */
export function createGuard(options: GuardOptions): (call: CallName) => [Handler, Handler, Handler, Handler, Handler] {
	const { keys, knobs, clock } = options;
	const limits = createLimits(clock);

	const arrive = (call: CallName): Handler => {
		return (c, next) => {
			const key = c.req.header("x-api-key")?.trim() ?? "";
			const caller = keys.find(key);
			const entry = c.get("entry");
			entry.call = call;
			if (key !== "") entry.key = caller === null ? "unknown" : caller.token === null ? "permanent" : "client";
			if (caller !== null) c.set("caller", caller);
			return next();
		};
	};
	/** Decart has a route per model: one that it does not know is no route, whoever asks. */
	const requireModel: Handler = async (c, next) => {
		const name = c.req.param("model");
		return name === undefined || findModel(name, knobs.now) !== null ? next() : refusal(404);
	};
	const requireKey = (call: CallName): Handler => {
		const refuse = call === "tokens" ? tokenRefusal : refusal;
		return async (c, next) => {
			const { key } = c.get("entry");
			if (key === null && knobs.now.missingKey === 422) return invalid([missing("header", "x-api-key")]);
			if (key === null || key === "unknown") return refuse(401);
			const text = forbidden(c.get("caller"), c.req.header("origin"));
			return text === null ? next() : refuse(403, text);
		};
	};
	const throttle = (call: CallName): Handler => {
		return async (c, next) => {
			const limit = knobs.now.rateLimit;
			const seconds = limit && limits.refuse(`${call} ${c.get("caller").account}`, limit.perMinute);
			return seconds === null ? next() : refusal(429, undefined, { "Retry-After": String(seconds) });
		};
	};
	return (call) => [arrive(call), faults(call, options), requireModel, requireKey(call), throttle(call)];
}

/** Bodies are read before any fault, so that the log shows also what was never answered. */
export const formBody: Handler = async (c, next) => {
	const form = await readForm(c.req.raw).catch(() => null);
	if (form === null) return refusal(400, "There was an error parsing the body");
	c.set("form", form);
	c.get("entry").fields = summary(form);
	return next();
};

/** No body counts as `{}`. */
export const jsonBody: Handler = async (c, next) => {
	const body = parse((await c.req.text()).trim() || "{}");
	c.set("json", body);
	c.get("entry").fields = summary(Object.entries(body ?? {}));
	return next();
};

/** Undefined = not JSON. */
function parse(text: string): unknown {
	try {
		return JSON.parse(text) as unknown;
	} catch {
		return undefined;
	}
}
