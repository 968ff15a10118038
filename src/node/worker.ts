import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Refused } from "./refused.ts";
import { ROOT } from "./root.ts";
import { writeConfig, writeSettings } from "./worker-config.ts";
import { runWrangler, type WranglerRun } from "./wrangler.ts";

const START_DEADLINE_MS = 30_000;
/** A sweep alone may spend 20 s on retention. */
const ANSWER_DEADLINE_MS = 60_000;

export interface StartWorkerOptions {
	/** Variables and secrets, by the names of the README. `PUBLIC_URL` is where it listens, unless it is among them. */
	settings: Readonly<Record<string, string>>;
	/** 0 = any free one, and the default. */
	port?: number;
	/** Where database, queue and bucket live. Without one they go with the Worker. */
	persistTo?: string;
	/** Starts anew at every edit of the sources; else they are bundled once, and later edits do not disturb. */
	watch?: boolean;
	/** Gets each line of the Worker's log and of wrangler's own. */
	log?: (line: string) => void;
}

export interface RunningWorker {
	/** `http://127.0.0.1:<port>` */
	url: string;
	/** What the platform does each minute, and nothing does here. Resolves when it is done. */
	cron(): Promise<void>;
	/** When wrangler is gone, and with it the Worker. */
	ended: Promise<unknown>;
	/** Safe to repeat. */
	stop(): Promise<void>;
}

/** The Worker of this repository on this machine: workerd, D1 with its migrations, queue and bucket, as `wrangler dev` runs them. */
export async function startWorker({ settings, port = 0, persistTo, watch = false, log }: StartWorkerOptions): Promise<RunningWorker> {
	const free = await freePort(port); // part of PUBLIC_URL, so it is needed before the start
	const url = `http://127.0.0.1:${free}`;
	const folder = mkdtempSync(path.join(os.tmpdir(), "jobhook-worker-"));
	const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
	process.once("exit", remove);
	const state = ["--persist-to", persistTo ?? path.join(folder, "state")];
	const runs: WranglerRun[] = [];
	const run = (args: string[], sink?: (line: string) => void): WranglerRun => {
		const started = runWrangler(args, folder, sink);
		runs.push(started);
		return started;
	};
	const stop = async () => {
		await Promise.all(runs.map((one) => one.stop()));
		process.off("exit", remove);
		remove();
	};

	try {
		writeConfig(folder, path.join(ROOT, "src/worker.ts"));
		writeSettings(folder, { PUBLIC_URL: url, ...settings });
		const bundle = path.join(folder, "bundle");
		const tasks = [run(["d1", "migrations", "apply", "DB", "--local", ...state])];
		if (!watch) tasks.push(run(["deploy", "--dry-run", "--outdir", bundle]));
		await Promise.all(tasks.map((task) => inTime(task, task.succeeded)));
		if (!watch) writeConfig(folder, path.join(bundle, "worker.js"), "no_bundle = true");
		const dev = run(["dev", "--ip", "127.0.0.1", "--port", String(free), "--inspector-port", "0", ...state], log);
		await inTime(dev, dev.first(isReady));
		await answers(`${url}/readyz`);
		return { url, cron: () => answers(`${url}/cdn-cgi/handler/scheduled?cron=*+*+*+*+*`), ended: dev.succeeded, stop };
	} catch (e) {
		await stop();
		throw e;
	}
}

/** It does not exit when the bundle cannot be built: it waits for the next edit. */
function isReady(line: string): boolean | undefined {
	if (line.includes("Ready on http")) return true;
	return line.includes("[ERROR]") ? false : undefined;
}

async function inTime(run: WranglerRun, done: Promise<boolean | null>): Promise<void> {
	if (await Promise.race([done, sleep(START_DEADLINE_MS, false, { ref: false })])) return;
	await run.stop(); // what it has still to say belongs to the error
	throw new Refused(`${run.command} failed; its last lines:\n${run.tail()}`);
}

async function answers(url: string): Promise<void> {
	const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_DEADLINE_MS) });
	const text = await response.text();
	if (!response.ok) throw new Refused(`the Worker answered ${response.status} to ${new URL(url).pathname}: ${text}`);
}

async function freePort(wanted: number): Promise<number> {
	const server = createServer().listen(wanted, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address() as AddressInfo;
	server.close();
	await once(server, "close");
	return port;
}
