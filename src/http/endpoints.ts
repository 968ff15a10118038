import { createRoute, z } from "@hono/zod-openapi";
import { AddressGuard } from "../core/address.ts";
import { parseId } from "../core/ids.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { EVENT_TYPES } from "../jobs/job.ts";
import { createEndpoint, readEndpoint } from "../outbound/endpoint.ts";
import type { App } from "./context.ts";
import { validationFailed } from "./errors.ts";
import { EndpointBody, EndpointCreate, EndpointCreated, failure, json } from "./schemas.ts";

const security = [{ bearer: [] }, { apiKey: [] }];

const createEndpointRoute = createRoute({
	method: "post",
	path: "/v1/endpoints",
	security,
	request: { body: { required: true, content: { "application/json": { schema: EndpointCreate } } } },
	responses: {
		201: json(EndpointCreated, "The endpoint, with its secret"),
		400: failure("Not JSON"),
		401: failure("No key"),
		413: failure("Too large"),
		415: failure("Not application/json"),
		422: failure("A field is wrong: `details` names it"),
		503: failure("Nothing was recorded; try again after `Retry-After`"),
	},
});

const readEndpointRoute = createRoute({
	method: "get",
	path: "/v1/endpoints/{id}",
	security,
	request: { params: z.object({ id: z.string().openapi({ param: { name: "id", in: "path" } }) }) },
	responses: { 200: json(EndpointBody, "The endpoint"), 401: failure("No key"), 404: failure("No such endpoint of this app") },
});

export function mountEndpointReads(app: App, deps: Pick<Deps, "db">): void {
	app.openapi(readEndpointRoute, async (c) => {
		const id = parseId("ep", c.req.valid("param").id);
		const endpoint = id === null ? null : await readEndpoint(deps, c.var.caller.appId, id);
		if (endpoint === null) throw new JobhookError("not_found", "this app has no endpoint of that id");
		return c.json(endpoint, 200);
	});
}

export function mountEndpointWrites(app: App, deps: Deps): void {
	const guard = new AddressGuard(deps.config.callbackAllow);
	app.openapi(createEndpointRoute, async (c) => {
		const { url, event_types: eventTypes = EVENT_TYPES, secret = null } = c.req.valid("json");
		const objection = guard.objection(url);
		if (objection !== null) throw validationFailed([{ field: "url", message: objection }]);
		return c.json(await createEndpoint(deps, c.var.caller.appId, { url, eventTypes, secret }), 201);
	});
}
