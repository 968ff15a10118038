import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { parseId } from "../core/ids.ts";
import { isResultLink } from "../core/result-link.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { type Result, readResult, resultOf } from "../jobs/result.ts";
import type { App } from "./context.ts";
import { answerFile } from "./file-answer.ts";
import { failure } from "./schemas.ts";

const params = z.object({ id: z.string().openapi({ param: { name: "id", in: "path" } }) });
const answers = {
	200: {
		description: "The result, where it is text, or a file that is kept here",
		content: {
			"text/plain": { schema: z.string() },
			"application/json": { schema: z.unknown() },
			"*/*": { schema: { type: "string" as const, format: "binary" } },
		},
	},
	206: {
		description: "The `Range` of the file that was asked for",
		content: { "*/*": { schema: { type: "string" as const, format: "binary" } } },
	},
	302: { description: "Where it is another file: the result, at the provider", headers: z.object({ Location: z.string() }) },
	304: { description: "The file is the one that `If-None-Match` names" },
	416: { description: "The file has no such `Range`" },
	503: failure("It is kept, and cannot be read now"),
};

const linkRoute = createRoute({
	method: "get",
	path: "/results/{id}",
	request: { params, query: z.object({ exp: z.string().default(""), sig: z.string().default("") }) },
	responses: { ...answers, 404: failure("Not a valid link, or no longer one"), 422: failure("A parameter is given twice") },
});

const resultRoute = createRoute({
	method: "get",
	path: "/v1/jobs/{id}/result",
	security: [{ bearer: [] }, { apiKey: [] }],
	request: { params },
	responses: {
		...answers,
		401: failure("No key"),
		404: failure("No such job of this app, or its result is not kept any more"),
		409: failure("`not_possible`: the job is not completed"),
	},
});

/** The signed link, which needs no key. */
export function mountResults(app: App, deps: Deps): void {
	app.openapi(linkRoute, async (c) => {
		const { exp, sig } = c.req.valid("query");
		const id = parseId("job", c.req.valid("param").id);
		const valid = id !== null && isResultLink(deps.secrets, id, exp, sig, deps.clock.now());
		const result = valid ? await resultOf(deps, id) : null;
		if (result === null) throw new JobhookError("not_found", "this link is not valid, or no longer; read the job for a new one");
		return answer(c, id ?? "", result);
	});
}

export function mountJobResult(app: App, deps: Deps): void {
	app.openapi(resultRoute, async (c) => {
		const id = parseId("job", c.req.valid("param").id);
		const result = id === null ? null : await readResult(deps, c.var.caller.appId, id);
		if (result === null) throw new JobhookError("not_found", "this app has no job of that id, or its result is not kept any more");
		return answer(c, id ?? "", result);
	});
}

/** What comes from a provider: no browser is to make more of it than it is. */
async function answer(c: Context, job: string, result: Result): Promise<Response> {
	c.header("Cache-Control", "private, max-age=60");
	c.header("Referrer-Policy", "no-referrer"); // the link opens it for whoever reads it
	if (result.kind === "link") return c.redirect(result.url, 302);
	if (result.kind === "file") return answerFile(c, job, result);
	c.header("X-Content-Type-Options", "nosniff");
	return c.body(result.text, 200, { "Content-Type": result.contentType, "Content-Length": String(Buffer.byteLength(result.text)) });
}
