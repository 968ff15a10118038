import type { MiddlewareHandler } from "hono";
import { type Clock, iso } from "../../core/clock.ts";
import type { Log } from "../log.ts";
import type { Form, Upload } from "./form.ts";
import type { Caller } from "./keys.ts";
import type { BodyFault, CallName } from "./knobs.ts";

/** One API call as it was seen. `status` stays null while it hangs and after a cut connection. */
export interface CallEntry {
	at: string;
	/** Null = no such route. */
	call: CallName | null;
	method: string;
	/** Without the query, where a key could be. */
	path: string;
	/** What kind of key came with it, never which. */
	key: "permanent" | "client" | "unknown" | null;
	/** Without its parameters. */
	contentType: string | null;
	userAgent: string | null;
	status: number | null;
	/** What a knob did to it. */
	fault: string | null;
	/** Long texts are cut; of a file there are only its name, type, size and SHA-256. */
	fields: Record<string, unknown> | null;
}

export interface DecartEnv {
	Variables: {
		entry: CallEntry;
		/** There was no answer whose status could be noted. */
		cut: boolean;
		/** What has to happen to the bytes of the answer. */
		spoil: BodyFault | null;
		caller: Caller;
		form: Form;
		/** Undefined = not JSON. */
		json: unknown;
	};
}

/** Writes down every call when it comes in, and its status when it goes out. */
export function recordCalls(clock: Clock, log: Log<CallEntry>): MiddlewareHandler<DecartEnv> {
	return async (c, next) => {
		const entry: CallEntry = {
			at: iso(clock.now()),
			call: null,
			method: c.req.method,
			path: new URL(c.req.url).pathname,
			key: null,
			contentType: c.req.header("content-type")?.split(";")[0] ?? null,
			userAgent: c.req.header("user-agent") ?? null,
			status: null,
			fault: null,
			fields: null,
		};
		log.add(entry);
		c.set("entry", entry);
		c.set("cut", false);
		c.set("spoil", null);
		await next();
		if (!c.get("cut")) entry.status = c.res.status;
	};
}

export function summary(fields: Iterable<[string, unknown]>): Record<string, unknown> {
	return Object.fromEntries(Array.from(fields, ([name, value]) => [name, shorten(value)]));
}

function shorten(value: unknown): unknown {
	if (value === null || typeof value === "number" || typeof value === "boolean") return value;
	if (isUpload(value)) return value;
	const text = typeof value === "string" ? value : JSON.stringify(value);
	return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

const isUpload = (value: unknown): value is Upload => typeof value === "object" && value !== null && "sha256" in value;
