import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Caller } from "../access/keys.ts";

/** What a request carries on its way: its id, who its key lets in, and whether it is one of so many that its line is left out. */
export interface Vars {
	Variables: { requestId: string; caller: Caller; unlogged?: boolean };
}
export type App = OpenAPIHono<Vars>;
