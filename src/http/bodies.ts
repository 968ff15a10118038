import { bodyLimit } from "hono/body-limit";
import { createMiddleware } from "hono/factory";
import { routePath } from "hono/route";
import { flawsOf } from "../core/flaws.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import type { App } from "./context.ts";
import { validationFailed } from "./errors.ts";

/** Cut off at the limit, while it comes in, whether it tells its length or not. */
export const limited = ({ config }: Pick<Deps, "config">) =>
	bodyLimit({
		maxSize: config.submitMaxBytes,
		onError: () => {
			throw new JobhookError("payload_too_large", `the body has at most ${config.submitMaxBytes} bytes`);
		},
	});

/**
 * Bodies are JSON and come back as they were sent: what cannot be kept is refused, whatever field it is in. A route that
 * declares no body is called without one.
 */
export function jsonBodies(app: App) {
	let declared: Map<string, "required" | "optional"> | undefined;
	return createMiddleware(async (c, next) => {
		declared ??= bodiesOf(app);
		const body = declared.get(`${c.req.method} ${routePath(c, -1)}`);
		const type = c.req.header("content-type");
		if (body === undefined || (body === "optional" && type === undefined)) return next();
		if (!/^application\/json\s*(;|$)/i.test(type ?? ""))
			throw new JobhookError("unsupported_media_type", "send JSON with Content-Type: application/json");
		const flaws = flawsOf(await c.req.json<unknown>().catch(() => null)); // what is not JSON is refused by the route
		if (flaws.length > 0) throw validationFailed(flaws.map(({ path, message }) => ({ field: path.join(".") || "body", message })));
		await next();
	});
}

/** `POST /v1/jobs` → whether it asks for a body, as the routes themselves declare it. */
function bodiesOf(app: App): Map<string, "required" | "optional"> {
	const bodies = new Map<string, "required" | "optional">();
	for (const definition of app.openAPIRegistry.definitions) {
		if (definition.type !== "route" || definition.route.request?.body === undefined) continue;
		const { method, path, request } = definition.route;
		const pattern = path.replaceAll(/\{(\w+)\}/g, ":$1");
		bodies.set(`${method.toUpperCase()} ${pattern}`, request?.body?.required ? "required" : "optional");
	}
	return bodies;
}
