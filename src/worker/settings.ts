import { BadSettings, type Config, loadConfig, SETTINGS } from "../config.ts";

/** Nothing shows it again: it is kept in a file, too. */
const MAKE_A_KEY = "openssl rand -base64 32 | tee jobhook-master.key | npx wrangler secret put JOBHOOK_MASTER_KEY";
/** D1 holds 10 GB, so what ended goes sooner; what a lost message leaves behind waits a minute, which is no overload yet. */
const DEFAULTS = { RETAIN_JOBS_D: "7", BACKPRESSURE_S: "150" };

export type WorkerConfig = Config & { masterKeys: readonly Uint8Array[]; publicUrl: string };

/** Settings from the bindings. Throws one `BadSettings`, which names all that is missing and how to come by it. */
export function workerConfig(env: Env): WorkerConfig {
	const config = loadConfig({
		...DEFAULTS,
		...Object.fromEntries(Object.values(SETTINGS).flatMap((one) => textOf(one.env, env[one.env]))),
	});
	const { masterKeys, publicUrl, sandbox } = config;
	if (masterKeys !== undefined && publicUrl !== undefined && !sandbox) return { ...config, masterKeys, publicUrl };
	throw new BadSettings(
		[
			...(masterKeys === undefined ? [`JOBHOOK_MASTER_KEY is not set: \`${MAKE_A_KEY}\``] : []),
			...(publicUrl === undefined ? ["PUBLIC_URL is not set: write how the world reaches this Worker under [vars] in wrangler.toml"] : []),
			...(sandbox ? ["SANDBOX is 1: the sandbox runs on Node, `npm run dev:worker` starts one beside the Worker"] : []),
		].join("\n"),
	);
}

/** wrangler.toml hands a number under [vars] over as a number. */
function textOf(name: string, value: unknown): [string, string][] {
	if (value === undefined || value === null || value === "") return [];
	if (typeof value === "object") throw new BadSettings(`${name} must be text: write it in quotes under [vars], or as a secret`);
	return [[name, String(value)]];
}
