import type { OpenAPIHono } from "@hono/zod-openapi";

/** What a request carries on its way: its id, and the app its key belongs to. */
export interface Vars {
	Variables: { requestId: string; appId: string };
}
export type App = OpenAPIHono<Vars>;
