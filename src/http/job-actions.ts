import { createRoute, z } from "@hono/zod-openapi";
import { parseId } from "../core/ids.ts";
import type { Deps } from "../deps.ts";
import { cancel } from "../jobs/cancel.ts";
import { resolve } from "../jobs/resolve.ts";
import type { App } from "./context.ts";
import { jobParam, noSuchJob } from "./jobs.ts";
import { JobBody, Resolution } from "./schemas/jobs.ts";
import { failure, json } from "./schemas.ts";

const security = [{ bearer: [] }, { apiKey: [] }];

const cancelRoute = createRoute({
	method: "post",
	path: "/v1/jobs/{id}/cancel",
	security,
	request: {
		params: jobParam,
		query: z.object({
			forget: z
				.enum(["true", "false"], "must be true or false")
				.optional()
				.openapi({ description: "`true` also ends a job that was sent, on this side only" }),
		}),
	},
	responses: {
		200: json(JobBody, "The job, canceled; `job.canceled` goes to its callbacks"),
		401: failure("No key"),
		404: failure("No such job of this app"),
		409: failure("`already_sent`, or `already_ended`"),
		422: failure("A parameter is wrong: `details` names it"),
		503: failure("Nothing was recorded; try again after `Retry-After`"),
	},
});

const resolveRoute = createRoute({
	method: "post",
	path: "/v1/jobs/{id}/resolve",
	security,
	request: { params: jobParam, body: { required: true, content: { "application/json": { schema: Resolution } } } },
	responses: {
		200: json(JobBody, "The job, with its unknown send decided"),
		400: failure("Not JSON"),
		401: failure("No key"),
		404: failure("No such job of this app"),
		409: failure("`not_possible`: nothing is unknown about it; `already_ended`"),
		413: failure("Too large"),
		415: failure("Not application/json"),
		422: failure("A field is wrong: `details` names it"),
		503: failure("Nothing was recorded; try again after `Retry-After`"),
	},
});

export function mountJobActions(app: App, deps: Deps): void {
	app.openapi(cancelRoute, async (c) => {
		const id = parseId("job", c.req.valid("param").id);
		const job = id === null ? null : await cancel(deps, c.var.caller.appId, id, c.req.valid("query").forget === "true");
		if (job === null) throw noSuchJob();
		return c.json(job, 200);
	});
	app.openapi(resolveRoute, async (c) => {
		const id = parseId("job", c.req.valid("param").id);
		const job = id === null ? null : await resolve(deps, c.var.caller.appId, id, c.req.valid("json"));
		if (job === null) throw noSuchJob();
		return c.json(job, 200);
	});
}
