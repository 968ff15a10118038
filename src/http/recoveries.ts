import { createRoute, z } from "@hono/zod-openapi";
import { parseId } from "../core/ids.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { cancelRecovery, countRecoverable, listRecoveries, rangeOf, readRecovery, recoverEndpoint } from "../outbound/recover/recover.ts";
import type { App } from "./context.ts";
import { noSuchEndpoint } from "./endpoints.ts";
import { validationFailed } from "./errors.ts";
import { listed, pageOf, pageParams } from "./list.ts";
import { RecoveryBody, RecoveryCount, RecoveryCreate, RecoveryList } from "./schemas/recoveries.ts";
import { failure, json } from "./schemas.ts";

const security = [{ bearer: [] }, { apiKey: [] }];
const ofEndpoint = z.object({
	id: z.string().openapi({ param: { name: "id", in: "path" }, example: "ep_019365f0a1b27c3d8e4f5061728394a5" }),
});
const params = ofEndpoint.extend({
	rec: z.string().openapi({ param: { name: "rec", in: "path" }, example: "rec_019365f0a1b27c3d8e4f5061728394a5" }),
});

const recoverRoute = createRoute({
	method: "post",
	path: "/v1/endpoints/{id}/recover",
	security,
	request: { params: ofEndpoint, body: { required: true, content: { "application/json": { schema: RecoveryCreate } } } },
	responses: {
		200: json(RecoveryCount, "Of a dry run: how many there are"),
		202: json(RecoveryBody, "It has begun, and goes on by itself"),
		400: failure("Not JSON"),
		401: failure("No key"),
		404: failure("No such endpoint of this app"),
		409: failure("The endpoint is disabled"),
		413: failure("Too large"),
		415: failure("Not application/json"),
		422: failure("A field is wrong: `details` names it"),
		503: failure("Nothing was recorded; try again after `Retry-After`"),
	},
});
const listRoute = createRoute({
	method: "get",
	path: "/v1/endpoints/{id}/recoveries",
	security,
	request: { params: ofEndpoint, query: z.strictObject(pageParams("rec")) },
	responses: {
		200: json(RecoveryList, "The recoveries of this endpoint, newest first"),
		401: failure("No key"),
		404: failure("No such endpoint of this app"),
		422: failure("A parameter is wrong: `details` names it"),
	},
});
const readRoute = createRoute({
	method: "get",
	path: "/v1/endpoints/{id}/recoveries/{rec}",
	security,
	request: { params },
	responses: {
		200: json(RecoveryBody, "How far it is"),
		401: failure("No key"),
		404: failure("No such recovery of this endpoint"),
	},
});
const cancelRoute = createRoute({
	method: "post",
	path: "/v1/endpoints/{id}/recoveries/{rec}/cancel",
	security,
	request: { params },
	responses: {
		200: json(RecoveryBody, "Canceled; what is due again stays so"),
		401: failure("No key"),
		404: failure("No such recovery of this endpoint"),
		409: failure("It has ended already"),
		503: failure("Nothing was changed; try again after `Retry-After`"),
	},
});

const noSuchRecovery = () => new JobhookError("not_found", "this endpoint has no recovery of that id");

export function mountRecoveries(app: App, deps: Deps): void {
	app.openapi(recoverRoute, async (c) => {
		const id = parseId("ep", c.req.valid("param").id);
		const { since, until, dry_run: dryRun = false } = c.req.valid("json");
		const range = rangeOf({ since, until }, deps.clock.now());
		if (range === null)
			throw validationFailed([
				{ field: "since", message: until === undefined ? "must be in the past" : "must be in the past, and before until" },
			]);
		if (id === null) throw noSuchEndpoint();
		if (dryRun) {
			const count = await countRecoverable(deps, c.var.caller.appId, id, range);
			if (count === null) throw noSuchEndpoint();
			return c.json(count, 200);
		}
		const recovery = await recoverEndpoint(deps, c.var.caller.appId, id, range);
		if (recovery === null) throw noSuchEndpoint();
		return c.json(recovery, 202);
	});
	app.openapi(listRoute, async (c) => {
		const id = parseId("ep", c.req.valid("param").id);
		const page = pageOf("rec", c.req.valid("query"));
		const rows = id === null ? null : await listRecoveries(deps, c.var.caller.appId, id, page);
		if (rows === null) throw noSuchEndpoint();
		return c.json(listed(rows, page), 200);
	});
	const found = async (given: { id: string; rec: string }, verb: (endpoint: string, id: string) => ReturnType<typeof readRecovery>) => {
		const [endpoint, id] = [parseId("ep", given.id), parseId("rec", given.rec)];
		const recovery = endpoint === null || id === null ? null : await verb(endpoint, id);
		if (recovery === null) throw noSuchRecovery();
		return recovery;
	};
	app.openapi(readRoute, async (c) =>
		c.json(await found(c.req.valid("param"), (endpoint, id) => readRecovery(deps, c.var.caller.appId, endpoint, id)), 200),
	);
	app.openapi(cancelRoute, async (c) =>
		c.json(await found(c.req.valid("param"), (endpoint, id) => cancelRecovery(deps, c.var.caller.appId, endpoint, id)), 200),
	);
}
