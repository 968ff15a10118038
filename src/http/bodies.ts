import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { routePath } from "hono/route";
import { flawsOf } from "../core/flaws.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import type { App } from "./context.ts";
import { validationFailed } from "./errors.ts";

/**
 * The body as it came, cut off at the limit while it comes in, whether it tells its length or not. One that tells its
 * length is read by the runtime's short way: to look at the stream first costs as much as the rest of a request.
 */
export async function readBody(c: Context, maxBytes: number): Promise<Uint8Array> {
	const tooLarge = () => new JobhookError("payload_too_large", `the body has at most ${maxBytes} bytes`);
	const length = c.req.header("content-length");
	if (length !== undefined && c.req.header("transfer-encoding") === undefined) {
		if (Number(length) > maxBytes) throw tooLarge();
		return new Uint8Array(await c.req.raw.arrayBuffer());
	}
	const parts: Uint8Array[] = [];
	let size = 0;
	const reader = c.req.raw.body?.getReader(); // not `for await`, whose end would cut the connection before our answer
	for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
		size += part.value.length;
		if (size > maxBytes) throw tooLarge();
		parts.push(part.value);
	}
	return Buffer.concat(parts);
}

/** JSON that comes back as it was sent; what cannot be kept is refused. */
export function parsed(text: string, what = "the body"): unknown {
	const value = parse(text, what);
	const flaws = flawsOf(value);
	if (flaws.length > 0) throw validationFailed(flaws.map(({ path, message }) => ({ field: path.join(".") || "body", message })));
	return value;
}

/**
 * Bodies are JSON and come back as they were sent: what cannot be kept is refused, whatever field it is in. A route that
 * declares no JSON is called with whatever came.
 */
export function jsonBodies(app: App, { config }: Pick<Deps, "config">) {
	let declared: Map<string, "required" | "optional"> | undefined;
	return createMiddleware(async (c, next) => {
		declared ??= bodiesOf(app);
		const body = declared.get(`${c.req.method} ${routePath(c, -1)}`);
		const type = c.req.header("content-type");
		if (body === undefined || (body === "optional" && type === undefined)) return next();
		if (!/^application\/json\s*(;|$)/i.test(type ?? ""))
			throw new JobhookError("unsupported_media_type", "send JSON with Content-Type: application/json");
		const text = textOf(await readBody(c, config.submitMaxBytes));
		parsed(text);
		(c.req.bodyCache as Record<string, unknown>)["text"] = Promise.resolve(text); // the route reads it from here
		await next();
	});
}

function textOf(bytes: Uint8Array): string {
	try {
		return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
	} catch {
		throw new JobhookError("invalid_request", "the body is not valid UTF-8");
	}
}

function parse(text: string, what: string): unknown {
	try {
		return JSON.parse(text);
	} catch (e) {
		throw new JobhookError("invalid_request", `${what} is not valid JSON`, { cause: e });
	}
}

/** `POST /v1/jobs` → whether it asks for a JSON body, as the routes themselves declare it. */
function bodiesOf(app: App): Map<string, "required" | "optional"> {
	const bodies = new Map<string, "required" | "optional">();
	for (const definition of app.openAPIRegistry.definitions) {
		if (definition.type !== "route" || definition.route.request?.body?.content["application/json"] === undefined) continue;
		const { method, path, request } = definition.route;
		const pattern = path.replaceAll(/\{(\w+)\}/g, ":$1");
		bodies.set(`${method.toUpperCase()} ${pattern}`, request?.body?.required ? "required" : "optional");
	}
	return bodies;
}
