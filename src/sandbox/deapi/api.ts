import { Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { readFields } from "../form.ts";
import { drawPicture } from "../picture.ts";
import { type SandboxEnv, summary } from "./calls.ts";
import { failure, invalid, messageOf, notEnoughBalance } from "./errors.ts";
import { type FaultOptions, faults, tooMany } from "./faults.ts";
import type { Jobs } from "./jobs.ts";
import type { CallName } from "./knobs.ts";
import { createLimits } from "./limits.ts";
import { modelsPage } from "./models.ts";
import type { ResultLinks } from "./results.ts";
import { validateTxt2Img } from "./validate.ts";

export interface ApiOptions extends FaultOptions {
	jobs: Jobs;
	links: ResultLinks;
	baseUrl: string;
	apiKeys: readonly string[];
	strict: boolean;
}

export const apiPrefix = "/api/v1/client";
const maxBodyBytes = 75 * 1024 * 1024;

/** deAPI's own routes: fault, then key, then rate limit, then the call. */
export function createApi(options: ApiOptions): Hono<SandboxEnv> {
	const { jobs, links, baseUrl, strict, knobs } = options;
	const keys = new Set(options.apiKeys);
	const limits = createLimits(options.clock);

	const arrive = (call: CallName): MiddlewareHandler<SandboxEnv> => {
		return (c, next) => {
			c.get("entry").call = call;
			return next();
		};
	};
	const requireKey: MiddlewareHandler<SandboxEnv> = (c, next) => {
		const key = /^bearer +(.+)$/i.exec(c.req.header("authorization") ?? "")?.[1]?.trim();
		return key !== undefined && keys.has(key) ? next() : Promise.resolve(failure(401, messageOf(401)));
	};
	const throttle = (call: CallName): MiddlewareHandler<SandboxEnv> => {
		return async (c, next) => {
			const { headers, refused } = limits.admit(call, knobs.now.rateLimit);
			if (refused !== null) return tooMany(refused.type, refused.retryAfterSeconds, headers);
			await next();
			for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value);
		};
	};
	const guard = (call: CallName) => [arrive(call), faults(call, options), requireKey, throttle(call)] as const;

	/** Read before any fault, so that the log shows also what was never answered. */
	const readBody: MiddlewareHandler<SandboxEnv> = async (c, next) => {
		const fields = await readFields(c.req.raw);
		c.set("fields", fields);
		c.get("entry").body = summary(fields);
		await next();
	};
	const cap = bodyLimit({ maxSize: maxBodyBytes, onError: () => failure(413, messageOf(413)) });

	const api = new Hono<SandboxEnv>();
	api.get(`${apiPrefix}/balance`, ...guard("balance"), (c) => c.json({ data: { balance: knobs.now.balance } }));
	api.get(`${apiPrefix}/models`, ...guard("models"), (c) =>
		c.json(modelsPage(new URL(c.req.url).searchParams, `${baseUrl}${apiPrefix}/models`)),
	);
	api.post(`${apiPrefix}/txt2img`, cap, readBody, ...guard("txt2img"), (c) => {
		const verdict = validateTxt2Img(c.get("fields"), strict);
		if (!verdict.ok) return invalid(verdict.errors);
		const job = jobs.submit(verdict.input);
		return job === null ? notEnoughBalance() : c.json({ data: { request_id: job.id } });
	});
	api.get(`${apiPrefix}/request-status/:id`, ...guard("request-status"), (c) => {
		const job = jobs.get(c.req.param("id"));
		return job === null ? failure(404, messageOf(404)) : c.json({ data: jobs.status(job) });
	});
	// Without a key: receivers download the picture with nothing but the link.
	api.get("/results/:file", arrive("result"), faults("result", options), (c) => {
		const id = c.req.param("file").replace(/\.png$/, "");
		if (!links.allows(id, new URL(c.req.url).searchParams)) return failure(403, "Invalid or expired signature.");
		const job = jobs.get(id);
		if (job === null) return failure(404, messageOf(404));
		const { width, height, prompt, seed } = job.input;
		const png = drawPicture({ width, height, seed: seed === -1 ? job.id : `${seed}:${prompt}` });
		return c.body(png, 200, { "Content-Type": "image/png", "Content-Length": String(png.length) });
	});

	for (const [path, allowed] of methods) {
		api.all(path, (c) => {
			const text = `The ${c.req.method} method is not supported for route ${path.slice(1)}. Supported methods: ${allowed}.`;
			return failure(405, text, { Allow: allowed });
		});
	}
	return api;
}

const methods = [
	[`${apiPrefix}/balance`, "GET, HEAD"],
	[`${apiPrefix}/models`, "GET, HEAD"],
	[`${apiPrefix}/txt2img`, "POST"],
	[`${apiPrefix}/request-status/:id`, "GET, HEAD"],
] as const;
