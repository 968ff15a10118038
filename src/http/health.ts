import { createRoute, z } from "@hono/zod-openapi";
import { sql } from "drizzle-orm";
import { compileSql } from "../db/compile.ts";
import { lanes } from "../db/schema.ts";
import type { Deps } from "../deps.ts";
import type { App } from "./context.ts";
import { failure, json } from "./schemas.ts";

/** What the edge knows of its own state, e.g. `{ in_flight: 3, event_loop_delay_p99_ms: 1.2 }`. */
export type Vitals = () => Record<string, number>;

/** Goes all the way of a write, and finds no row. */
const touchNothing = compileSql<unknown, { id: string }>(["id"], () => sql`UPDATE ${lanes} SET strikes = 0 WHERE id = '' RETURNING id`);

const healthRoute = createRoute({
	method: "get",
	path: "/healthz",
	responses: { 200: json(z.object({ status: z.literal("ok") }), "The process answers") },
});
const readyRoute = createRoute({
	method: "get",
	path: "/readyz",
	responses: {
		200: json(z.looseObject({ status: z.literal("ready") }), "The database takes writes, too"),
		503: failure("The database cannot take a write now"),
	},
});

export function mountHealth(app: App, deps: Pick<Deps, "db">, vitals: Vitals = () => ({})): void {
	app.openapi(healthRoute, (c) => c.json({ status: "ok" as const }, 200));
	app.openapi(readyRoute, async (c) => {
		await deps.db.batch([touchNothing.bind({})]);
		return c.json({ status: "ready" as const, ...vitals() }, 200);
	});
}
