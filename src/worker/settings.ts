import { BadSettings, type Config, loadConfig } from "../config.ts";

/** D1 holds 10 GB, so what ended goes sooner; what a lost message leaves behind waits a minute, which is no overload yet. */
const DEFAULTS = { RETAIN_JOBS_D: "7", BACKPRESSURE_S: "150" };

export type WorkerConfig = Config &
	Required<Pick<Config, "masterKeys" | "publicUrl">> & { masterKeys: readonly Uint8Array[]; publicUrl: string };

/** Settings from the bindings that are text. Throws one `BadSettings`, which names what is missing and how to come by it. */
export function workerConfig(env: Env): WorkerConfig {
	const set = Object.entries(env).filter(([, value]) => typeof value === "string" && value !== "");
	const config = loadConfig({ ...DEFAULTS, ...(Object.fromEntries(set) as Record<string, string>) });
	const { masterKeys, publicUrl } = config;
	if (config.sandbox) throw new BadSettings("SANDBOX: the sandbox runs on Node, `npm run dev:worker` starts one beside the Worker");
	if (masterKeys === undefined)
		throw new BadSettings("JOBHOOK_MASTER_KEY is not set: `openssl rand -base64 32 | npx wrangler secret put JOBHOOK_MASTER_KEY`");
	if (publicUrl === undefined)
		throw new BadSettings("PUBLIC_URL is not set: write how the world reaches this Worker under [vars] in wrangler.toml, and deploy again");
	return { ...config, masterKeys, publicUrl };
}
