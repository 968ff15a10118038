import { createRoute, z } from "@hono/zod-openapi";
import { DEFAULT_APP, findApp } from "../access/apps.ts";
import type { Deps } from "../deps.ts";
import type { App } from "./context.ts";
import { failure, json } from "./schemas.ts";

/** What the edge knows of its own state, e.g. `{ in_flight: 3, event_loop_delay_p99_ms: 1.2 }`. */
export type Vitals = () => Record<string, number>;

const healthRoute = createRoute({
	method: "get",
	path: "/healthz",
	responses: { 200: json(z.object({ status: z.literal("ok") }), "The process answers") },
});
const readyRoute = createRoute({
	method: "get",
	path: "/readyz",
	responses: {
		200: json(z.looseObject({ status: z.literal("ready") }), "The database answers, too"),
		503: failure("The database does not answer"),
	},
});

export function mountHealth(app: App, deps: Pick<Deps, "db">, vitals: Vitals = () => ({})): void {
	app.openapi(healthRoute, (c) => c.json({ status: "ok" as const }, 200));
	app.openapi(readyRoute, async (c) => {
		await findApp(deps, DEFAULT_APP);
		return c.json({ status: "ready" as const, ...vitals() }, 200);
	});
}
