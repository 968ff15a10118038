import { OpenAPIHono } from "@hono/zod-openapi";
import { bodyLimit } from "hono/body-limit";
import { createMiddleware } from "hono/factory";
import { routePath } from "hono/route";
import { flawsOf } from "../core/flaws.ts";
import { nonce } from "../core/ids.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { authenticate } from "./auth.ts";
import type { App, Vars } from "./context.ts";
import { mountEndpointReads, mountEndpointWrites } from "./endpoints.ts";
import { asJobhookError, detailsOf, errorResponse, validationFailed } from "./errors.ts";
import { mountHealth, type Vitals } from "./health.ts";
import { mountHooks } from "./hooks.ts";
import { mountJobReads, mountSubmit } from "./jobs.ts";
import { mountResults } from "./results.ts";

/** The route table of the whole service. */
export function createApp(deps: Deps, vitals?: Vitals): App {
	const app = base(deps);
	mountHealth(app, deps, vitals);
	mountHooks(app, deps);
	mountResults(app, deps);
	app.use("/v1/*", authenticate(deps), jsonOnly, limited(deps), flawless);
	mountSubmit(app, deps);
	mountJobReads(app, deps);
	mountEndpointWrites(app, deps);
	mountEndpointReads(app, deps);
	return document(app);
}

/** Health and reading, for an edge that does not run the rest. */
export function createReadApp(deps: Pick<Deps, "db" | "config" | "log" | "clock" | "secrets" | "publicUrl">): App {
	const app = base(deps);
	mountHealth(app, deps);
	app.use("/v1/*", authenticate(deps));
	mountJobReads(app, deps);
	mountEndpointReads(app, deps);
	return document(app);
}

function base(deps: Pick<Deps, "log" | "clock">): App {
	const app = new OpenAPIHono<Vars>({
		defaultHook: (result) => {
			if (!result.success) throw validationFailed(detailsOf(result.error));
		},
	});
	app.use(requestLog(deps));
	app.onError((e, c) => {
		const error = asJobhookError(e);
		const requestId = c.get("requestId");
		if (error.code === "internal") deps.log.error({ request: requestId, err: error.cause ?? error }, "request.broke");
		return errorResponse(c, error, requestId);
	});
	app.notFound((c) => errorResponse(c, new JobhookError("not_found", "no such route; GET /openapi.json lists them"), c.get("requestId")));
	return app;
}

/** One line a request. Its URL may carry a token or a signature, so the route's pattern stands for it. */
const requestLog = ({ log, clock }: Pick<Deps, "log" | "clock">) =>
	createMiddleware<Vars>(async (c, next) => {
		const startedAt = clock.now();
		const request = nonce();
		c.set("requestId", request);
		await next();
		c.header("X-Request-Id", request);
		const route = routePath(c, -1);
		if (route === "/healthz" || route === "/readyz") return;
		log.info(
			{ request, method: c.req.method, route, status: c.res.status, app: c.get("caller")?.appId, ms: clock.now() - startedAt },
			"request.finished",
		);
	});

const jsonOnly = createMiddleware(async (c, next) => {
	const type = c.req.header("content-type") ?? "";
	if (c.req.method === "POST" && !/^application\/json\s*(;|$)/i.test(type))
		throw new JobhookError("unsupported_media_type", "send JSON with Content-Type: application/json");
	await next();
});

/** What was taken must come back as it was sent: what cannot be kept is refused, whatever field it is in. */
const flawless = createMiddleware(async (c, next) => {
	if (c.req.method === "POST") {
		const flaws = flawsOf(await c.req.json<unknown>().catch(() => null)); // what is not JSON is refused by the route
		if (flaws.length > 0) throw validationFailed(flaws.map(({ path, message }) => ({ field: path.join(".") || "body", message })));
	}
	await next();
});

const limited = (deps: Deps) =>
	bodyLimit({
		maxSize: deps.config.submitMaxBytes,
		onError: () => {
			throw new JobhookError("payload_too_large", `the body has at most ${deps.config.submitMaxBytes} bytes`);
		},
	});

function document(app: App): App {
	app.openAPIRegistry.registerComponent("securitySchemes", "bearer", { type: "http", scheme: "bearer" });
	app.openAPIRegistry.registerComponent("securitySchemes", "apiKey", { type: "apiKey", in: "header", name: "X-API-KEY" });
	app.doc31("/openapi.json", { openapi: "3.1.0", info: { title: "jobhook", version: "0.1.0" } });
	return app;
}
