import { createRoute, z } from "@hono/zod-openapi";
import { parseId } from "../core/ids.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { isTerminal } from "../jobs/job.ts";
import { listJobs } from "../jobs/list.ts";
import { readJob } from "../jobs/read.ts";
import { readTimeline } from "../jobs/timeline.ts";
import { waitForEnd } from "../jobs/wait.ts";
import { PROVIDERS } from "../providers/index.ts";
import type { App } from "./context.ts";
import { listed, pageOf, pageParams, timeParams } from "./list.ts";
import { JOB_TYPES, JobBody, JobList, JobState, TimelineBody } from "./schemas/jobs.ts";
import { failure, json } from "./schemas.ts";
import { waitParam } from "./wait.ts";

const security = [{ bearer: [] }, { apiKey: [] }];
export const jobParam = z.object({
	id: z.string().openapi({ param: { name: "id", in: "path" }, example: "job_019365f0a1b27c3d8e4f5061728394a5" }),
});
export const noSuchJob = () => new JobhookError("not_found", "this app has no job of that id");

const listRoute = createRoute({
	method: "get",
	path: "/v1/jobs",
	security,
	request: {
		query: z.object({
			state: JobState.optional(),
			type: z.enum(JOB_TYPES).optional(),
			provider: z.enum(Object.keys(PROVIDERS)).optional(),
			...timeParams,
			...pageParams("job"),
		}),
	},
	responses: {
		200: json(JobList, "Jobs of this app, newest first, without their input"),
		401: failure("No key"),
		422: failure("A parameter is wrong: `details` names it"),
	},
});

const readRoute = createRoute({
	method: "get",
	path: "/v1/jobs/{id}",
	security,
	request: { params: jobParam, query: z.object(waitParam) },
	responses: {
		200: json(JobBody, "The job"),
		401: failure("No key"),
		404: failure("No such job of this app"),
		422: failure("A parameter is wrong: `details` names it"),
	},
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

export function mountJobReads(app: App, deps: Deps): void {
	app.openapi(listRoute, async (c) => {
		const { state, type, provider, ...query } = c.req.valid("query");
		const page = pageOf("job", query);
		return c.json(listed(await listJobs(deps, c.var.caller.appId, { state, type, provider }, page), page), 200);
	});
	app.openapi(readRoute, async (c) => {
		const id = parseId("job", c.req.valid("param").id);
		const { appId } = c.var.caller;
		const { wait } = c.req.valid("query");
		let job = id === null ? null : await readJob(deps, appId, id);
		if (job !== null && wait !== undefined && !isTerminal(job.state)) {
			await waitForEnd(deps, appId, job.id, wait, c.req.raw.signal);
			job = await readJob(deps, appId, job.id);
		}
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
