import { OpenAPIHono } from "@hono/zod-openapi";
import { createMiddleware } from "hono/factory";
import { routePath } from "hono/route";
import { nonce } from "../core/ids.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { Models } from "../jobs/models.ts";
import { mountApps } from "./apps.ts";
import { authenticate, scoped } from "./auth.ts";
import { jsonBodies } from "./bodies.ts";
import type { App, Vars } from "./context.ts";
import { mountCounters } from "./counters.ts";
import { mountDeliveryReads, mountDeliveryWrites } from "./deliveries.ts";
import { document } from "./document.ts";
import { mountEndpointActions } from "./endpoint-actions.ts";
import { mountEndpointReads, mountEndpointWrites } from "./endpoints.ts";
import { asJobhookError, detailsOf, errorResponse, goneClient, validationFailed } from "./errors.ts";
import { mountEventReads } from "./events.ts";
import { mountFiles } from "./files.ts";
import { mountHealth, type Vitals } from "./health.ts";
import { mountHooks } from "./hooks.ts";
import { mountJobActions } from "./job-actions.ts";
import { mountJobReads } from "./jobs.ts";
import { mountKeys } from "./keys.ts";
import { notOverloaded, requestsPerMinute } from "./limits.ts";
import { mountModels } from "./models.ts";
import { mountRecoveries } from "./recoveries.ts";
import { mountJobResult, mountResults } from "./results.ts";
import { mountSubmit } from "./submit.ts";
import { uploads } from "./uploads.ts";

/** The route table of the whole service. */
export function createApp(deps: Deps, edge: { vitals?: Vitals; models?: Models } = {}): App {
	const app = base(deps);
	mountHealth(app, deps, edge.vitals);
	mountHooks(app, deps);
	mountResults(app, deps);
	app.use("/v1/*", authenticate(deps), requestsPerMinute(deps), scoped);
	app.use("/v1/jobs", notOverloaded(deps), uploads(deps));
	app.use("/v1/*", jsonBodies(app, deps));
	const models = edge.models ?? new Models(deps);
	mountSubmit(app, deps, models);
	mountFiles(app, deps);
	mountModels(app, deps, models);
	mountJobReads(app, deps);
	mountJobResult(app, deps);
	mountJobActions(app, deps);
	mountEndpointWrites(app, deps);
	mountEndpointReads(app, deps);
	mountEndpointActions(app, deps);
	mountRecoveries(app, deps);
	mountDeliveryReads(app, deps);
	mountDeliveryWrites(app, deps);
	mountEventReads(app, deps);
	mountKeys(app, deps);
	mountApps(app, deps);
	mountCounters(app, deps);
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
		const error = c.req.raw.signal.aborted ? goneClient() : asJobhookError(e);
		const requestId = c.get("requestId");
		if (error.code === "internal") deps.log.error({ request: requestId, err: error.cause ?? error }, "request.broke");
		return errorResponse(c, error, requestId);
	});
	app.notFound((c) => errorResponse(c, new JobhookError("not_found", "no such route; GET /openapi.json lists them"), c.get("requestId")));
	return app;
}

/**
 * One line a request. Its URL may carry a token or a signature, so the route's pattern stands for it. And no answer is for a
 * cache, unless its route says so: jobs and events carry links that open results, and a key in X-API-KEY tells a proxy nothing.
 */
const requestLog = ({ log, clock }: Pick<Deps, "log" | "clock">) =>
	createMiddleware<Vars>(async (c, next) => {
		const startedAt = clock.now();
		const request = nonce();
		c.set("requestId", request);
		c.header("Cache-Control", "no-store");
		await next();
		c.header("X-Request-Id", request);
		const route = routePath(c, -1);
		if (route === "/healthz" || route === "/readyz" || c.get("unlogged")) return;
		log.info(
			{ request, method: c.req.method, route, status: c.res.status, app: c.get("caller")?.appId, ms: clock.now() - startedAt },
			"request.finished",
		);
	});
