import { type Context, Hono } from "hono";
import { iso } from "../../core/clock.ts";
import { nonce } from "../../core/ids.ts";
import type { DecartEnv } from "./calls.ts";
import { makeContent, sendContent } from "./content.ts";
import { invalid, refusal, tokenRefusal } from "./errors.ts";
import { createFiles } from "./files.ts";
import { createGuard, formBody, type GuardOptions, jsonBody } from "./guard.ts";
import { readInputs, type Work } from "./inputs.ts";
import { createJobs, type JobOptions } from "./jobs.ts";
import { forbiddenModel } from "./keys.ts";
import { findModel } from "./models.ts";
import { resolveModels } from "./resolve.ts";
import { readTokenRequest } from "./tokens.ts";

/** Decart's HTTP routes, without realtime. */
export function createApi(options: GuardOptions & JobOptions): Hono<DecartEnv> {
	const { clock, keys, knobs, schedule, timeFactor } = options;
	const jobs = createJobs(options);
	const files = createFiles(clock);
	const guard = createGuard(options);
	const account = (c: Context<DecartEnv>) => c.get("caller").account;

	/** The work that is asked for, or why it is refused. */
	function read(c: Context<DecartEnv>): Work | Response {
		const name = c.req.param("model") ?? "";
		const model = findModel(name, knobs.now);
		if (model === null) return refusal(404);
		const text = forbiddenModel(c.get("caller"), name, knobs.now);
		if (text !== null) return refusal(403, text);
		return readInputs(model, c.get("form"), { promptMax: knobs.now.promptMax, fileOf: (id) => files.find(account(c), id) });
	}
	const send = (c: Context<DecartEnv>, work: Work, jobId: string): Response =>
		sendContent(makeContent(work, jobId), {
			shape: knobs.now.content,
			spoil: c.get("spoil"),
			schedule,
			cut: () => void options.cut(c.env),
		});

	const api = new Hono<DecartEnv>();
	api.post("/v1/jobs/:model", formBody, ...guard("submit"), (c) => {
		const work = read(c);
		if (work instanceof Response) return work;
		const { id, status } = jobs.submit(account(c), work);
		return c.json({ job_id: id, status });
	});
	api.get("/v1/jobs/:id", ...guard("status"), (c) => {
		const job = jobs.get(account(c), c.req.param("id"));
		return job === null ? refusal(404, "Job not found") : c.json({ job_id: job.id, status: knobs.now.jobs.statusWord ?? job.status });
	});
	api.get("/v1/jobs/:id/content", ...guard("content"), (c) => {
		const job = jobs.get(account(c), c.req.param("id"));
		if (job === null) return refusal(404, "Job not found");
		return job.status === "completed" ? send(c, job.work, job.id) : refusal(409, "Job is not completed");
	});
	// The current SDKs do this for images alone; older ones did it for videos as well.
	api.post("/v1/generate/:model", formBody, ...guard("generate"), async (c) => {
		const work = read(c);
		if (work instanceof Response) return work;
		const { generateMs } = knobs.now.jobs;
		const fails = jobs.fails(work);
		if (generateMs > 0) await schedule.wait(generateMs * timeFactor);
		return fails ? refusal(500, "Generation failed") : send(c, work, nonce());
	});
	api.post("/v1/client/tokens", jsonBody, ...guard("tokens"), (c) => {
		if (c.get("caller").token !== null) return tokenRefusal(403, "Cannot create token from client token");
		const request = readTokenRequest(c.get("json"));
		if (Array.isArray(request)) return invalid(request);
		const { models, origins, constraints } = request;
		const { apiKey, expiresAt } = keys.mint(account(c), request);
		const permissions = models === null && origins === null ? null : { ...(models && { models }), ...(origins && { origins }) };
		return c.json({ apiKey, expiresAt: iso(expiresAt), permissions, constraints }); // no `token`: nobody here could sign it as Decart does
	});
	api.post("/v1/files", formBody, ...guard("files"), (c) => files.add(account(c), c.get("form"), knobs.now.fileMaxBytes));
	api.get("/v1/files/:id", ...guard("files"), (c) => files.get(account(c), c.req.param("id")));
	api.delete("/v1/files/:id", ...guard("files"), (c) => files.delete(account(c), c.req.param("id")));
	api.get("/v1/realtime/quota", ...guard("quota"), (c) => {
		const { limit, active } = knobs.now.quota;
		return c.json({ limit, active, remaining: limit === null ? null : Math.max(0, limit - (active ?? 0)) });
	});
	api.post("/v1/models/resolve", jsonBody, ...guard("resolve"), (c) => {
		const resolved = resolveModels(c.get("json"), knobs.now);
		return Array.isArray(resolved) ? invalid(resolved) : c.json(resolved);
	});

	for (const [path, allowed] of methods) api.all(path, () => refusal(405, undefined, { Allow: allowed }));
	return api;
}

const methods = [
	["/v1/jobs/:id", "GET, POST"],
	["/v1/jobs/:id/content", "GET"],
	["/v1/generate/:model", "POST"],
	["/v1/client/tokens", "POST"],
	["/v1/files", "POST"],
	["/v1/files/:id", "GET, DELETE"],
	["/v1/realtime/quota", "GET"],
	["/v1/models/resolve", "POST"],
] as const;
