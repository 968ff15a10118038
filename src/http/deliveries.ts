import { createRoute, z } from "@hono/zod-openapi";
import { parseId } from "../core/ids.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { replayDelivery, retryDelivery } from "../outbound/delivery/again.ts";
import { listDeliveries, readDelivery, STATUSES } from "../outbound/delivery/read.ts";
import type { App } from "./context.ts";
import { idParam, listed, pageOf, pageParams, timeParams } from "./list.ts";
import { DeliveryBody, DeliveryList, DeliveryWithAttempts } from "./schemas/deliveries.ts";
import { failure, json } from "./schemas.ts";

const security = [{ bearer: [] }, { apiKey: [] }];
const params = z.object({
	id: z.string().openapi({ param: { name: "id", in: "path" }, example: "dlv_019365f0a1b27c3d8e4f506172000001" }),
});

const listRoute = createRoute({
	method: "get",
	path: "/v1/deliveries",
	security,
	request: {
		query: z.strictObject({
			status: z.enum(STATUSES).optional().openapi({ description: "`undelivered`: all that has not arrived and is not superseded" }),
			endpoint: idParam("ep", "Of this endpoint, also one that was deleted"),
			job: idParam("job", "Of this job's events"),
			...timeParams,
			...pageParams("dlv"),
		}),
	},
	responses: {
		200: json(
			DeliveryList,
			"Deliveries of this app, newest first, each with its reason and next time. A page of delivered or superseded ones may hold fewer than `limit`, even none, and still have a `next_cursor`: it looks through 5,000 deliveries",
		),
		401: failure("No key"),
		422: failure("A parameter is wrong: `details` names it"),
	},
});
const readRoute = createRoute({
	method: "get",
	path: "/v1/deliveries/{id}",
	security,
	request: { params },
	responses: {
		200: json(DeliveryWithAttempts, "The delivery with its attempts"),
		401: failure("No key"),
		404: failure("No such delivery of this app"),
	},
});
const again = <const Path extends string>(path: Path, description: string) =>
	createRoute({
		method: "post",
		path,
		security,
		request: { params },
		responses: {
			200: json(DeliveryBody, description),
			401: failure("No key"),
			404: failure("No such delivery of this app"),
			409: failure("Not possible as it stands: the message says why"),
			503: failure("Nothing was changed; try again after `Retry-After`"),
		},
	});
const retryRoute = again("/v1/deliveries/{id}/retry", "Due now, with a fresh budget");
const replayRoute = again("/v1/deliveries/{id}/replay", "Due now once more: the same id, the same bytes, the next attempt number");

const noSuchDelivery = () => new JobhookError("not_found", "this app has no delivery of that id");

export function mountDeliveryReads(app: App, deps: Pick<Deps, "db" | "clock">): void {
	app.openapi(listRoute, async (c) => {
		const { status, endpoint, job, ...where } = c.req.valid("query");
		const page = pageOf("dlv", where);
		const { rows, rest } = await listDeliveries(deps, c.var.caller.appId, page, { status, endpoint, job });
		return c.json(listed(rows, page, rest), 200);
	});
	app.openapi(readRoute, async (c) => {
		const id = parseId("dlv", c.req.valid("param").id);
		const delivery = id === null ? null : await readDelivery(deps, c.var.caller.appId, id);
		if (delivery === null) throw noSuchDelivery();
		return c.json(delivery, 200);
	});
}

export function mountDeliveryWrites(app: App, deps: Deps): void {
	app.openapi(retryRoute, async (c) => {
		const id = parseId("dlv", c.req.valid("param").id);
		const delivery = id === null ? null : await retryDelivery(deps, c.var.caller.appId, id);
		if (delivery === null) throw noSuchDelivery();
		return c.json(delivery, 200);
	});
	app.openapi(replayRoute, async (c) => {
		const id = parseId("dlv", c.req.valid("param").id);
		const delivery = id === null ? null : await replayDelivery(deps, c.var.caller.appId, id);
		if (delivery === null) throw noSuchDelivery();
		return c.json(delivery, 200);
	});
}
