import { createRoute, z } from "@hono/zod-openapi";
import { AddressGuard } from "../core/address.ts";
import { parseId } from "../core/ids.ts";
import type { Deps } from "../deps.ts";
import { type Detail, JobhookError } from "../errors.ts";
import { readJob } from "../jobs/read.ts";
import { submit } from "../jobs/submit.ts";
import { readTimeline } from "../jobs/timeline.ts";
import type { App } from "./context.ts";
import { validationFailed } from "./errors.ts";
import { failure, JobBody, json, SubmitBody, TimelineBody } from "./schemas.ts";

const security = [{ bearer: [] }, { apiKey: [] }];
const jobParam = z.object({
	id: z.string().openapi({ param: { name: "id", in: "path" }, example: "job_019365f0a1b27c3d8e4f5061728394a5" }),
});
const IdempotencyKey = z
	.string()
	.regex(/^[\x21-\x7e]{1,255}$/, "must have 1 to 255 printable ASCII characters without spaces")
	.optional();

const submitRoute = createRoute({
	method: "post",
	path: "/v1/jobs",
	security,
	request: {
		headers: z.object({ "idempotency-key": IdempotencyKey }),
		body: { required: true, content: { "application/json": { schema: SubmitBody } } },
	},
	responses: {
		202: json(
			JobBody,
			"The job is on disk and will end: `completed`, `failed` or `canceled`. `Idempotent-Replayed: true` where it was already there",
		),
		400: failure("Not JSON"),
		401: failure("No key, or not a valid one"),
		409: failure("The key was used with another request"),
		413: failure("Too large"),
		415: failure("Not application/json"),
		422: failure("A field is wrong: `details` names it"),
		503: failure("Nothing was recorded; try again after `Retry-After`"),
	},
});

const readRoute = createRoute({
	method: "get",
	path: "/v1/jobs/{id}",
	security,
	request: { params: jobParam },
	responses: { 200: json(JobBody, "The job"), 401: failure("No key"), 404: failure("No such job of this app") },
});

const timelineRoute = createRoute({
	method: "get",
	path: "/v1/jobs/{id}/timeline",
	security,
	request: { params: jobParam },
	responses: {
		200: json(TimelineBody, "Every submission, hook, poll, event, delivery and attempt, oldest first, with reason and next time"),
		401: failure("No key"),
		404: failure("No such job of this app"),
	},
});

const noSuchJob = () => new JobhookError("not_found", "this app has no job of that id");

export function mountJobReads(app: App, deps: Pick<Deps, "db" | "secrets" | "publicUrl" | "config" | "clock">): void {
	app.openapi(readRoute, async (c) => {
		const id = parseId("job", c.req.valid("param").id);
		const job = id === null ? null : await readJob(deps, c.var.caller.appId, id);
		if (job === null) throw noSuchJob();
		return c.json(job, 200);
	});
	app.openapi(timelineRoute, async (c) => {
		const id = parseId("job", c.req.valid("param").id);
		const data = id === null ? null : await readTimeline(deps, c.var.caller.appId, id);
		if (data === null) throw noSuchJob();
		return c.json({ data, next_cursor: null }, 200);
	});
}

export function mountSubmit(app: App, deps: Deps): void {
	const guard = new AddressGuard(deps.config.callbackAllow);
	app.openapi(submitRoute, async (c) => {
		const body = c.req.valid("json");
		const details = callbackObjections(guard, body);
		if (details.length > 0) throw validationFailed(details);
		const request = {
			provider: body.provider,
			type: body.type,
			model: body.model,
			input: body.input,
			webhookUrl: body.webhook_url ?? null,
			webhookSecret: body.webhook_secret ?? null,
			webhookEvents: body.webhook_events ?? null,
			metadata: body.metadata ?? null,
		};
		const { job, replayed } = await submit(deps, c.var.caller, request, c.req.valid("header")["idempotency-key"] ?? null);
		if (replayed) c.header("Idempotent-Replayed", "true");
		return c.json(job, 202);
	});
}

function callbackObjections(guard: AddressGuard, body: z.output<typeof SubmitBody>): Detail[] {
	const details: Detail[] = [];
	if (body.webhook_url === undefined) {
		for (const field of ["webhook_secret", "webhook_events"] as const)
			if (body[field] !== undefined) details.push({ field, message: "needs a webhook_url" });
		return details;
	}
	const objection = guard.objection(body.webhook_url);
	return objection === null ? [] : [{ field: "webhook_url", message: objection }];
}
