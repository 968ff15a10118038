import { createRoute, z } from "@hono/zod-openapi";
import { parseId } from "../core/ids.ts";
import { isResultLink } from "../core/result-link.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { resultLocation } from "../jobs/result.ts";
import type { App } from "./context.ts";
import { failure } from "./schemas.ts";

const resultRoute = createRoute({
	method: "get",
	path: "/results/{id}",
	request: {
		params: z.object({ id: z.string().openapi({ param: { name: "id", in: "path" } }) }),
		query: z.object({ exp: z.string().default(""), sig: z.string().default("") }),
	},
	responses: {
		302: { description: "The result, at the provider", headers: z.object({ Location: z.string() }) },
		404: failure("Not a valid link, or no longer one"),
	},
});

export function mountResults(app: App, deps: Deps): void {
	app.openapi(resultRoute, async (c) => {
		const { exp, sig } = c.req.valid("query");
		const id = parseId("job", c.req.valid("param").id);
		const valid = id !== null && isResultLink(deps.secrets, id, exp, sig, deps.clock.now());
		const location = valid ? await resultLocation(deps, id) : null;
		if (location === null) throw new JobhookError("not_found", "this link is not valid, or no longer; read the job for a new one");
		c.header("Cache-Control", "private, max-age=60");
		return c.redirect(location, 302);
	});
}
