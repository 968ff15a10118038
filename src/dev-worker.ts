import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { SETTINGS } from "./config.ts";
import { isExpected } from "./node/expected.ts";
import { ROOT } from "./node/root.ts";
import { startSandboxed } from "./node/sandboxed.ts";
import { startWorker } from "./node/worker.ts";
import { sandboxedSettings } from "./node/worker-config.ts";

/** `npm run dev:worker`: the Worker on this machine, built again at every edit, with the sandbox beside it. */
const STATE = path.join(ROOT, ".wrangler/state");
const CRON_EVERY_MS = 60_000;

const closing: (() => Promise<void>)[] = [];
let ending = false;
async function end(code: number): Promise<void> {
	if (ending) return; // Ctrl-C comes twice: from the terminal, and from the launcher
	ending = true;
	for (const close of closing) await close();
	process.exit(code);
}
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void end(0));

/** Keys that live as long as the state: what it holds under another master key could not be opened. */
function keysOf(state: string): Record<"JOBHOOK_MASTER_KEY" | "JOBHOOK_API_KEY", string> {
	const file = path.join(state, "jobhook.json");
	if (!existsSync(file)) {
		const keys = { JOBHOOK_MASTER_KEY: randomBytes(32).toString("base64"), JOBHOOK_API_KEY: randomBytes(16).toString("hex") };
		mkdirSync(state, { recursive: true });
		writeFileSync(file, `${JSON.stringify(keys)}\n`, { mode: 0o600 });
	}
	return JSON.parse(readFileSync(file, "utf8"));
}

/** Settings of the environment, but not all the rest of it. */
function given(): Record<string, string> {
	const names = Object.values(SETTINGS).map(({ env }) => env);
	return Object.fromEntries(names.flatMap((name) => (name !== "SANDBOX" && process.env[name] ? [[name, process.env[name]]] : [])));
}

async function start(): Promise<void> {
	const settings = { ...keysOf(STATE), ...given() };
	const { config, sandbox } = await startSandboxed(settings);
	closing.unshift(sandbox.close);
	let up = false;
	const log = (line: string) => void (up && console.log(line));
	const worker = await startWorker({
		settings: { ...settings, ...sandboxedSettings(config) },
		port: config.port,
		persistTo: STATE,
		watch: true,
		log,
	});
	closing.unshift(worker.stop);
	void worker.ended.then(() => end(1));
	const cron = setInterval(() => void worker.cron().catch((e: Error) => console.error(e.message)), CRON_EVERY_MS);
	closing.unshift(async () => clearInterval(cron));
	up = true;
	console.log(`jobhook as a Worker on ${worker.url} (this machine only). Its key, kept with its state in .wrangler/state:

  curl -s ${worker.url}/v1/jobs -H 'Authorization: Bearer ${config.apiKey}'

deAPI sandbox on ${sandbox.url}. Faults: PATCH ${sandbox.url}/_sandbox/knobs. Cron fires from here, each minute.
`);
}

await start().catch(async (e: unknown) => {
	console.error(isExpected(e) ? e.message : e);
	await end(1);
});
