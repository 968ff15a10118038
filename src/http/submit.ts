import { createRoute, z } from "@hono/zod-openapi";
import { AddressGuard } from "../core/address/guard.ts";
import type { Deps } from "../deps.ts";
import type { Detail } from "../errors.ts";
import type { Models } from "../jobs/models.ts";
import { readJob } from "../jobs/read.ts";
import { submit } from "../jobs/submit.ts";
import { waitForEnd } from "../jobs/wait.ts";
import type { App } from "./context.ts";
import { validationFailed } from "./errors.ts";
import { JobBody, SubmitBody } from "./schemas/jobs.ts";
import { submitForm } from "./schemas/uploads.ts";
import { failure, json } from "./schemas.ts";
import { waitParam } from "./wait.ts";

const IdempotencyKey = z
	.string()
	.regex(/^[\x21-\x7e]{1,255}$/, "must have 1 to 255 printable ASCII characters without spaces")
	.optional();

const submitRoute = createRoute({
	method: "post",
	path: "/v1/jobs",
	security: [{ bearer: [] }, { apiKey: [] }],
	request: {
		headers: z.object({ "idempotency-key": IdempotencyKey }),
		query: z.object(waitParam),
		body: { required: true, content: { "application/json": { schema: SubmitBody }, ...submitForm } },
	},
	responses: {
		202: json(
			JobBody,
			"The job is on disk and will end: `completed`, `failed` or `canceled`. `Idempotent-Replayed: true` where it was already there",
		),
		400: failure("Not JSON, or a multipart body that is broken"),
		401: failure("No key, or not a valid one"),
		409: failure("The key was used with another request"),
		413: failure("Too large"),
		415: failure("Neither application/json nor multipart/form-data"),
		422: failure("A field is wrong: `details` names it"),
		503: failure("Nothing was recorded; try again after `Retry-After`"),
	},
});

export function mountSubmit(app: App, deps: Deps, models: Models): void {
	const guard = new AddressGuard(deps.config, deps.publicUrl);
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
		const { job, replayed } = await submit(deps, models, c.var.caller, request, c.req.valid("header")["idempotency-key"] ?? null);
		if (replayed) c.header("Idempotent-Replayed", "true");
		const { wait } = c.req.valid("query");
		if (wait === undefined) return c.json(job, 202);
		return c.json(await later(deps, c.var.caller.appId, job, wait, c.req.raw.signal), 202);
	});
}

type Job = NonNullable<Awaited<ReturnType<typeof readJob>>>;

/** The job was accepted, and so it is answered, whatever happens while we wait. */
async function later(deps: Deps, appId: string, job: Job, waitMs: number, gone: AbortSignal): Promise<Job> {
	try {
		await deps.woken();
		await waitForEnd(deps, appId, job.id, waitMs, gone);
		return (await readJob(deps, appId, job.id)) ?? job;
	} catch {
		return job;
	}
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
