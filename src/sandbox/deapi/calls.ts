import type { MiddlewareHandler } from "hono";
import { type Clock, iso } from "../../core/clock.ts";
import type { Fields } from "../form.ts";
import type { Log } from "../log.ts";
import type { CallName } from "./knobs.ts";

/** One API call as it was seen. `status` stays null while it hangs and after a cut connection. */
export interface CallEntry {
	at: string;
	/** Null = no such route. */
	call: CallName | null;
	method: string;
	path: string;
	status: number | null;
	/** What a knob did to it. */
	fault: string | null;
	/** The fields that were read, long texts cut; never headers, so no key ends up here. */
	body: Fields | null;
}

export interface SandboxEnv {
	/** `cut`: there was no answer whose status could be noted. */
	Variables: { entry: CallEntry; fields: Fields; cut: boolean };
}

/** Writes down every call when it comes in, and its status when it goes out. */
export function recordCalls(clock: Clock, log: Log<CallEntry>): MiddlewareHandler<SandboxEnv> {
	return async (c, next) => {
		const { pathname, search } = new URL(c.req.url);
		const at = iso(clock.now());
		const entry: CallEntry = { at, call: null, method: c.req.method, path: `${pathname}${search}`, status: null, fault: null, body: null };
		log.add(entry);
		c.set("entry", entry);
		c.set("cut", false);
		await next();
		if (!c.get("cut")) entry.status = c.res.status;
	};
}

export function summary(fields: Fields): Fields {
	return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, shorten(value)]));
}

function shorten(value: unknown): unknown {
	if (value === null || typeof value === "number" || typeof value === "boolean") return value;
	if (value instanceof File) return `${value.name}, ${value.size} bytes`;
	const text = typeof value === "string" ? value : JSON.stringify(value);
	return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
