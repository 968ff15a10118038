import { loadConfig } from "./config.ts";
import { systemClock } from "./core/clock.ts";
import { Secretbox } from "./core/secretbox.ts";
import { createReadApp } from "./http/app.ts";
import { openD1 } from "./worker/d1.ts";
import { workerLog } from "./worker/log.ts";

let app: ReturnType<typeof createReadApp> | undefined;

/** Health and reading on D1, so far: a submit would be recorded and never sent, so it is not offered. */
export default {
	async fetch(request: Request, env: Env): Promise<Response> {
		try {
			app ??= start(env, new URL(request.url).origin);
		} catch (e) {
			return Response.json({ error: { code: "internal", message: (e as Error).message } }, { status: 500 });
		}
		return app.fetch(request, env);
	},
};

function start(env: Env, origin: string) {
	const config = loadConfig(
		Object.fromEntries(Object.entries(env).filter(([, value]) => typeof value === "string")) as Record<string, string>,
	);
	if (config.masterKeys === undefined)
		throw new Error("JOBHOOK_MASTER_KEY is not set: make one with `openssl rand -base64 32` and `wrangler secret put JOBHOOK_MASTER_KEY`");
	const secrets = new Secretbox(config.masterKeys);
	return createReadApp({ config, db: openD1(env.DB), clock: systemClock, secrets, publicUrl: config.publicUrl ?? origin, log: workerLog });
}
