import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Caller } from "../access/keys.ts";

/** What a request carries on its way: its id, and who its key lets in. */
export interface Vars {
	Variables: { requestId: string; caller: Caller };
}
export type App = OpenAPIHono<Vars>;
