import { createRoute, z } from "@hono/zod-openapi";
import { parseId } from "../core/ids.ts";
import { MOST_ACTIVE } from "../core/rotation.ts";
import type { Deps } from "../deps.ts";
import { sampleEvent } from "../jobs/sample.ts";
import { rotateSecret } from "../outbound/endpoint/rotate.ts";
import { disableEndpoint, enableEndpoint } from "../outbound/endpoint/switch.ts";
import { testEndpoint } from "../outbound/endpoint/test.ts";
import type { App } from "./context.ts";
import { noSuchEndpoint } from "./endpoints.ts";
import { EndpointBody, EndpointTested, EndpointWithSecret, SecretRotate } from "./schemas/endpoints.ts";
import { overlapMs } from "./schemas/rotation.ts";
import { failure, json } from "./schemas.ts";

/** `POST /v1/endpoints/{id}/<verb>`, without a body unless one is declared. */
const action = <const Path extends string, Request extends object, Responses extends object>(
	path: Path,
	request: Request,
	responses: Responses,
) =>
	createRoute({
		method: "post",
		path,
		security: [{ bearer: [] }, { apiKey: [] }],
		request: { params: z.object({ id: z.string().openapi({ param: { name: "id", in: "path" } }) }), ...request },
		responses: {
			...responses,
			401: failure("No key"),
			404: failure("No such endpoint of this app"),
			503: failure("Nothing was changed; try again after `Retry-After`"),
		},
	});

const enableRoute = action("/v1/endpoints/{id}/enable", {}, { 200: json(EndpointBody, "Enabled; what was held is due now") });
const disableRoute = action(
	"/v1/endpoints/{id}/disable",
	{},
	{ 200: json(EndpointBody, "Disabled; what waits for it, and what comes, is held") },
);
const rotateRoute = action(
	"/v1/endpoints/{id}/rotate",
	{ body: { required: false, content: { "application/json": { schema: SecretRotate } } } },
	{
		200: json(EndpointWithSecret, "The new secret, which signs from the next attempt on, and until when those before it do"),
		400: failure("Not JSON"),
		409: failure(`${MOST_ACTIVE} secrets sign already: it says until when, and \`overlap_h\` 0 ends the older ones`),
		413: failure("Too large"),
		415: failure("Not application/json"),
		422: failure("A field is wrong: `details` names it"),
	},
);
const testRoute = action(
	"/v1/endpoints/{id}/test",
	{},
	{
		200: json(EndpointTested, "What the receiver answered to a signed sample"),
		409: failure("No master key opens its secret or its headers"),
	},
);

export function mountEndpointActions(app: App, deps: Deps): void {
	const found = async <T>(text: string, verb: (id: string) => Promise<T | null>): Promise<T> => {
		const id = parseId("ep", text);
		const answer = id === null ? null : await verb(id);
		if (answer === null) throw noSuchEndpoint();
		return answer;
	};
	app.openapi(enableRoute, async (c) =>
		c.json(await found(c.req.valid("param").id, (id) => enableEndpoint(deps, c.var.caller.appId, id)), 200),
	);
	app.openapi(disableRoute, async (c) =>
		c.json(await found(c.req.valid("param").id, (id) => disableEndpoint(deps, c.var.caller.appId, id)), 200),
	);
	app.openapi(rotateRoute, async (c) => {
		const { secret, overlap_h: overlapH } = c.req.valid("json");
		const wish = { secret, overlapMs: overlapMs(overlapH) };
		c.header("Cache-Control", "no-store");
		return c.json(await found(c.req.valid("param").id, (id) => rotateSecret(deps, c.var.caller.appId, id, wish)), 200);
	});
	app.openapi(testRoute, async (c) => {
		const sample = sampleEvent(deps.clock.now(), deps.publicUrl);
		return c.json(await found(c.req.valid("param").id, (id) => testEndpoint(deps, c.var.caller.appId, id, sample)), 200);
	});
}
