import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { newSigningSecret } from "./core/signature.ts";
import { Client } from "./demo/client.ts";
import { ENGINES } from "./demo/engines.ts";
import { PLOTS } from "./demo/plots.ts";
import { startReceiver } from "./demo/receiver.ts";
import { checkCallbacks, followJob, postHookAgain, readPart, type Step, saveResult } from "./demo/story.ts";
import { startSandboxed } from "./node/sandboxed.ts";

/** `npm run demo`: one job, end to end, over real HTTP and a real database. `--json`: a summary as the last line. */
const { values: options } = parseArgs({
	options: {
		json: { type: "boolean", default: false },
		engine: { type: "string", default: "sqlite" },
		provider: { type: "string", default: "deapi" },
	},
});
function chosen<T>(what: string, name: string, from: Readonly<Record<string, T>>): T {
	const found = Object.hasOwn(from, name) ? from[name] : undefined;
	if (found !== undefined) return found;
	console.error(`unknown ${what}: ${name}; one of ${Object.keys(from).join(", ")}`);
	process.exit(2);
}
const startEngine = chosen("engine", options.engine, ENGINES);
const plot = chosen("provider", options.provider, PLOTS);
const END_DEADLINE_MS = 5000;
const began = performance.now();
const steps: Step[] = [];
let doing = "start";

function tell(name: string, detail: string): void {
	const ms = Math.round(performance.now() - began);
	steps.push({ name, ms });
	doing = `after "${name}"`;
	console.log(`${String(ms).padStart(6)} ms  ${name.padEnd(28)} ${detail}`);
}

const folder = mkdtempSync(path.join(os.tmpdir(), "jobhook-demo-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const closing: (() => Promise<void>)[] = [];
let closed: Promise<void> | undefined;
async function closeEach(): Promise<void> {
	for (let close = closing.shift(); close !== undefined; close = closing.shift())
		await close().catch((e: Error) => console.error(`left behind: ${e.message}`));
}
/** In turn, also when an interrupted demo fails meanwhile. */
function closeAll(): Promise<void> {
	closed ??= closeEach();
	return closed;
}
// on a server that is not ours a schema has to be dropped; what an engine started itself ends with us
for (const signal of ["SIGTERM", "SIGINT"] as const)
	process.once(signal, () => {
		setTimeout(() => process.exit(1), END_DEADLINE_MS);
		void closeAll().then(() => process.exit(1));
	});

async function run(start: (typeof ENGINES)[string]): Promise<Record<string, unknown>> {
	const apiKey = newSigningSecret();
	const secrets = new Map([["/job", newSigningSecret()]]);
	const { config, sandbox } = await startSandboxed({
		PORT: "0",
		DATABASE_URL: path.join(folder, "demo.db"),
		JOBHOOK_API_KEY: apiKey,
		LOG_LEVEL: "silent",
	});
	closing.unshift(sandbox.close);
	const gateway = await start(config, (close) => closing.unshift(close));
	closing.unshift(gateway.stop);
	const receiver = await startReceiver((at) => secrets.get(at) ?? "");
	closing.unshift(receiver.close);
	tell("started", `gateway ${gateway.url}, sandbox ${sandbox.url}, receiver ${receiver.url}`);

	const client = new Client(gateway.url, apiKey);
	const endpoint = await client.post<{ id: string; secret: string }>("/v1/endpoints", { url: `${receiver.url}/endpoint` }, 201);
	secrets.set("/endpoint", endpoint.secret);
	tell("endpoint created", endpoint.id);

	const cast = { client, receiver, sandboxUrl: sandbox.url, jobSecret: secrets.get("/job") ?? "", plot };
	const job = await followJob(cast, tell);
	const verified = checkCallbacks(cast, tell);
	const duplicates = plot.hooked ? { duplicate_effects: await postHookAgain(cast, job.id, tell) } : {};
	const artifact = await saveResult(cast, job, tell);
	if (!plot.hooked) await readPart(job, tell); // it was fetched, and is kept here
	return { ok: true, provider: options.provider, job_id: job.id, steps, verified, ...duplicates, artifact };
}

let summary: Record<string, unknown>;
try {
	summary = await run(startEngine);
} catch (e) {
	summary = { ok: false, step: doing, error: (e as Error).message };
	console.error(`the demo failed ${doing}: ${(e as Error).message}`);
	process.exitCode = 1;
}
await closeAll();
if (options.json) console.log(JSON.stringify(summary));
