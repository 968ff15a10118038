import { createRoute, z } from "@hono/zod-openapi";
import { AddressGuard } from "../core/address/guard.ts";
import { DEFAULT_APP } from "../core/default-app.ts";
import { parseId } from "../core/ids.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { EVENT_TYPES } from "../jobs/job.ts";
import { changeEndpoint } from "../outbound/endpoint/change.ts";
import { createEndpoint } from "../outbound/endpoint/create.ts";
import { listEndpoints, readEndpoint } from "../outbound/endpoint/read.ts";
import { NO_RULES } from "../outbound/endpoint/rules.ts";
import { deleteEndpoint } from "../outbound/endpoint/switch.ts";
import { isNotice } from "../outbound/notices/types.ts";
import type { App } from "./context.ts";
import { rulesIn } from "./endpoint-rules.ts";
import { validationFailed } from "./errors.ts";
import { listed, pageOf, pageParams } from "./list.ts";
import { isOperator } from "./operator.ts";
import { EndpointBody, EndpointChange, EndpointCreate, EndpointList, EndpointWithSecret } from "./schemas/endpoints.ts";
import { failure, json } from "./schemas.ts";

const security = [{ bearer: [] }, { apiKey: [] }];
const params = z.object({
	id: z.string().openapi({ param: { name: "id", in: "path" }, example: "ep_019365f0a1b27c3d8e4f5061728394a5" }),
});
const refusals = {
	401: failure("No key"),
	404: failure("No such endpoint of this app"),
	503: failure("Nothing was changed; try again after `Retry-After`"),
};
const bodyRefusals = {
	400: failure("Not JSON"),
	401: failure("No key"),
	413: failure("Too large"),
	415: failure("Not application/json"),
	422: failure("A field is wrong: `details` names it"),
	503: failure("Nothing was recorded; try again after `Retry-After`"),
};

const createRouteOf = createRoute({
	method: "post",
	path: "/v1/endpoints",
	security,
	request: { body: { required: true, content: { "application/json": { schema: EndpointCreate } } } },
	responses: { 201: json(EndpointWithSecret, "The endpoint, with its secret"), ...bodyRefusals },
});
const listRoute = createRoute({
	method: "get",
	path: "/v1/endpoints",
	security,
	request: { query: z.strictObject(pageParams("ep")) },
	responses: {
		200: json(EndpointList, "The endpoints of this app, newest first"),
		401: failure("No key"),
		422: failure("A parameter is wrong: `details` names it"),
	},
});
const readRoute = createRoute({
	method: "get",
	path: "/v1/endpoints/{id}",
	security,
	request: { params },
	responses: { 200: json(EndpointBody, "The endpoint"), 401: failure("No key"), 404: failure("No such endpoint of this app") },
});
const changeRoute = createRoute({
	method: "patch",
	path: "/v1/endpoints/{id}",
	security,
	request: { params, body: { required: true, content: { "application/json": { schema: EndpointChange } } } },
	responses: {
		200: json(EndpointBody, "The endpoint as it is from the next attempt on"),
		...bodyRefusals,
		404: failure("No such endpoint of this app"),
	},
});
const deleteRoute = createRoute({
	method: "delete",
	path: "/v1/endpoints/{id}",
	security,
	request: { params },
	responses: { 204: { description: "It is gone; what has not arrived is `stopped`, what has stays readable" }, ...refusals },
});

export const noSuchEndpoint = () => new JobhookError("not_found", "this app has no endpoint of that id");

export function mountEndpointReads(app: App, deps: Deps): void {
	app.openapi(listRoute, async (c) => {
		const page = pageOf("ep", c.req.valid("query"));
		return c.json(listed(await listEndpoints(deps, c.var.caller.appId, page), page), 200);
	});
	app.openapi(readRoute, async (c) => {
		const id = parseId("ep", c.req.valid("param").id);
		const endpoint = id === null ? null : await readEndpoint(deps, c.var.caller.appId, id);
		if (endpoint === null) throw noSuchEndpoint();
		return c.json(endpoint, 200);
	});
}

export function mountEndpointWrites(app: App, deps: Deps): void {
	const guard = new AddressGuard(deps.config, deps.publicUrl);
	const refuseUrl = (url: string | undefined) => {
		const objection = url === undefined ? null : guard.objection(url);
		if (objection !== null) throw validationFailed([{ field: "url", message: objection }]);
	};
	const refuseTypes = async (appId: string, types: readonly string[] = []) => {
		const wrong = types.flatMap((type, i) =>
			isNotice(type) ? [{ field: `event_types.${i}`, message: `only endpoints of the app ${DEFAULT_APP} may subscribe to ${type}` }] : [],
		);
		if (wrong.length > 0 && !(await isOperator(deps, appId))) throw validationFailed(wrong);
	};
	app.openapi(createRouteOf, async (c) => {
		const { url, description = null, event_types: eventTypes = EVENT_TYPES, secret = null, headers = null, ...rest } = c.req.valid("json");
		refuseUrl(url);
		await refuseTypes(c.var.caller.appId, eventTypes);
		const wish = { url, description, eventTypes, secret, headers, rules: { ...NO_RULES, ...rulesIn(rest, deps.config) } };
		c.header("Cache-Control", "no-store");
		return c.json(await createEndpoint(deps, c.var.caller.appId, wish), 201);
	});
	app.openapi(changeRoute, async (c) => {
		const { url, description, event_types: eventTypes, headers, ...rest } = c.req.valid("json");
		refuseUrl(url);
		await refuseTypes(c.var.caller.appId, eventTypes);
		const id = parseId("ep", c.req.valid("param").id);
		const change = { url, description, eventTypes, headers, rules: rulesIn(rest, deps.config) };
		const endpoint = id === null ? null : await changeEndpoint(deps, c.var.caller.appId, id, change);
		if (endpoint === null) throw noSuchEndpoint();
		return c.json(endpoint, 200);
	});
	app.openapi(deleteRoute, async (c) => {
		const id = parseId("ep", c.req.valid("param").id);
		if (id === null || !(await deleteEndpoint(deps, c.var.caller.appId, id))) throw noSuchEndpoint();
		return c.body(null, 204);
	});
}
