import { createRoute, z } from "@hono/zod-openapi";
import type { Deps } from "../deps.ts";
import { readCounters } from "../outbound/notices/read.ts";
import { NOTICE_TYPES } from "../outbound/notices/types.ts";
import type { App } from "./context.ts";
import { operatorOnly } from "./operator.ts";
import { failure, json } from "./schemas.ts";

const Counters = z.object({ data: z.object(Object.fromEntries(NOTICE_TYPES.map((type) => [type, z.int().min(0)]))) }).openapi("Counters");

const route = createRoute({
	method: "get",
	path: "/v1/counters",
	security: [{ bearer: [] }, { apiKey: [] }],
	description: "How often each of these has happened, ever. For admins of the app `default` only: they operate this service",
	responses: { 200: json(Counters, "All of them, also those that never happened"), 401: failure("No key") },
});

export function mountCounters(app: App, deps: Pick<Deps, "db">): void {
	app.use("/v1/counters", operatorOnly(deps, "sees the counters"));
	app.openapi(route, async (c) => c.json({ data: await readCounters(deps) }, 200));
}
