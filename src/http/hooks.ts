import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Deps } from "../deps.ts";
import { HookDoor } from "../inbound/receive.ts";
import { readBody } from "./bodies.ts";
import type { App, Vars } from "./context.ts";
import { failure, json } from "./schemas.ts";

const Answer = z.object({ outcome: z.string() }).openapi("HookAnswer");
const headers = z.object({
	"x-deapi-signature": z.string().optional(),
	"x-deapi-timestamp": z.string().optional(),
});
const responses = {
	200: json(Answer, "Authentic and durably recorded"),
	202: json(Answer, "The account has no webhook secret: nothing can be proven, the job is polled instead"),
	401: json(Answer, "Not authentic; nothing changed"),
	413: failure("Too large"),
	503: failure("Not recorded; send it again"),
};
const tokenRoute = createRoute({
	method: "post",
	path: "/hooks/deapi/{token}",
	request: { headers, params: z.object({ token: z.string().openapi({ param: { name: "token", in: "path" } }) }) },
	responses,
});
const accountRoute = createRoute({ method: "post", path: "/hooks/deapi", request: { headers }, responses });

/** The provider's door: raw bytes in, no key, no parsing before the signature, and no bytes at all where there is none. */
export function mountHooks(app: App, deps: Deps): void {
	const door = new HookDoor(deps);
	const take = async (c: Context<Vars>, header: z.output<typeof headers>, token: string | null) => {
		const head = { provider: "deapi", token, signature: header["x-deapi-signature"], timestamp: header["x-deapi-timestamp"] };
		const refused = await door.refuse(head);
		const received = refused ?? (await door.receive({ ...head, body: await readBody(c, deps.config.hookMaxBytes) }));
		if (received.status !== 200 && !received.logged) c.set("unlogged", true);
		return received;
	};
	app.openapi(tokenRoute, async (c) => {
		const { status, outcome } = await take(c, c.req.valid("header"), c.req.valid("param").token);
		return c.json({ outcome }, status);
	});
	app.openapi(accountRoute, async (c) => {
		const { status, outcome } = await take(c, c.req.valid("header"), null);
		return c.json({ outcome }, status);
	});
}
