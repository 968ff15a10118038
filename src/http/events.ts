import { createRoute, z } from "@hono/zod-openapi";
import { parseId } from "../core/ids.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { EVENT_TYPES } from "../jobs/job.ts";
import { listEvents, readEvent } from "../outbound/event.ts";
import { NOTICE_TYPES } from "../outbound/notices/types.ts";
import type { App } from "./context.ts";
import { idParam, listed, pageOf, pageParams, timeParams } from "./list.ts";
import { EventList, EventWithBody } from "./schemas/events.ts";
import { failure, json } from "./schemas.ts";

const security = [{ bearer: [] }, { apiKey: [] }];

const listRoute = createRoute({
	method: "get",
	path: "/v1/events",
	security,
	request: {
		query: z.strictObject({
			type: z.enum([...EVENT_TYPES, ...NOTICE_TYPES]).optional(),
			job: idParam("job", "Of this job"),
			...timeParams,
			...pageParams("evt"),
		}),
	},
	responses: {
		200: json(EventList, "Events of this app, newest first"),
		401: failure("No key"),
		422: failure("A parameter is wrong: `details` names it"),
	},
});
const readRoute = createRoute({
	method: "get",
	path: "/v1/events/{id}",
	security,
	request: {
		params: z.object({
			id: z.string().openapi({ param: { name: "id", in: "path" }, example: "evt_019365f0a1b27c3d8e4f5061728394a5" }),
		}),
	},
	responses: { 200: json(EventWithBody, "The event with its body"), 401: failure("No key"), 404: failure("No such event of this app") },
});

export function mountEventReads(app: App, deps: Pick<Deps, "db">): void {
	app.openapi(listRoute, async (c) => {
		const { type, job, ...rest } = c.req.valid("query");
		const page = pageOf("evt", rest);
		return c.json(listed(await listEvents(deps, c.var.caller.appId, page, { type, job }), page), 200);
	});
	app.openapi(readRoute, async (c) => {
		const id = parseId("evt", c.req.valid("param").id);
		const event = id === null ? null : await readEvent(deps, c.var.caller.appId, id);
		if (event === null) throw new JobhookError("not_found", "this app has no event of that id");
		return c.json(event, 200);
	});
}
