import { Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { readFields } from "../form.ts";
import { type SandboxEnv, summary } from "./calls.ts";
import { failure, invalid, messageOf, notEnoughBalance } from "./errors.ts";
import { type FaultOptions, faults, tooMany } from "./faults.ts";
import type { Jobs } from "./jobs.ts";
import { type CallName, jobNames, priceOf } from "./knobs.ts";
import { createLimits } from "./limits.ts";
import { modelsPage } from "./models.ts";
import type { ResultLinks } from "./results.ts";
import { jobTypes } from "./types.ts";

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
	for (const name of jobNames) {
		const type = jobTypes[name];
		const price = priceOf(name);
		api.post(`${apiPrefix}/${name}`, cap, readBody, ...guard(name), (c) => {
			const verdict = type.accept(c.get("fields"), strict);
			if (!verdict.ok) return invalid(verdict.errors);
			const job = jobs.submit(verdict.value);
			return job === null ? notEnoughBalance() : c.json({ data: { request_id: job.id } });
		});
		api.post(`${apiPrefix}/${price}`, cap, readBody, ...guard(price), (c) => {
			const verdict = type.quote(c.get("fields"), strict);
			return verdict.ok ? c.json({ data: { price: verdict.value } }) : invalid(verdict.errors);
		});
	}
	api.get(`${apiPrefix}/request-status/:id`, ...guard("request-status"), (c) => {
		const job = jobs.get(c.req.param("id"));
		return job === null ? failure(404, messageOf(404)) : c.json({ data: jobs.status(job) });
	});
	// Without a key: receivers download the file with nothing but the link.
	api.get("/results/:file", arrive("result"), faults("result", options), (c) => {
		const [id = "", extension] = c.req.param("file").split(".");
		if (!links.allows(id, new URL(c.req.url).searchParams)) return failure(403, "Invalid or expired signature.");
		const job = jobs.get(id);
		if (job === null || job.work.result.extension !== extension) return failure(404, messageOf(404));
		const { contentType, file } = job.work.result;
		const bytes = file(job.id);
		return c.body(bytes, 200, { "Content-Type": contentType, "Content-Length": String(bytes.length) });
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
	...jobNames.flatMap((name) => [name, priceOf(name)]).map((name) => [`${apiPrefix}/${name}`, "POST"] as const),
	[`${apiPrefix}/request-status/:id`, "GET, HEAD"],
] as const;
