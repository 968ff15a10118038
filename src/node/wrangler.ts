import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { stripVTControlCharacters } from "node:util";
import { Refused } from "./refused.ts";
import { ROOT } from "./root.ts";

/** Its own program: a signal to npx or npm would leave workerd behind. */
const BIN = path.join(ROOT, "node_modules/wrangler/bin/wrangler.js");
const KEPT_LINES = 30;
const STOP_DEADLINE_MS = 8000;

/** Else it asks hosts of Cloudflare and the registry, asks questions, and writes below the user's home. */
const offline = (folder: string) => ({
	CI: "1",
	NO_COLOR: "1",
	CLOUDFLARE_CF_FETCH_ENABLED: "false",
	WRANGLER_SEND_METRICS: "false",
	WRANGLER_HIDE_BANNER: "true", // the banner looks for a newer version
	X_LOCAL_OBSERVABILITY: "false", // it would keep every request in the state, at half the speed
	WRANGLER_LOG_PATH: path.join(folder, "logs"),
	WRANGLER_CACHE_DIR: path.join(folder, "cache"),
	WRANGLER_REGISTRY_PATH: path.join(folder, "registry"), // else two runs of one name find each other
	XDG_CONFIG_HOME: folder,
});

export interface WranglerRun {
	/** As an operator would type it. */
	command: string;
	/** Once it and all that it started are gone: whether it exited with 0. */
	succeeded: Promise<boolean>;
	/** What `look` makes of the first line from now on that it makes anything of; null when there is none to the end. */
	first<T>(look: (line: string) => T | undefined): Promise<T | null>;
	/** Its last lines. */
	tail(): string;
	/** Safe to repeat. */
	stop(): Promise<void>;
}

/** Runs wrangler, offline, in a folder that holds what it leaves behind. `log` gets each of its lines, the Worker's among them. */
export function runWrangler(args: string[], folder: string, log: (line: string) => void = () => {}): WranglerRun {
	if (!existsSync(BIN))
		throw new Refused("the worker engine needs wrangler, a development dependency: run `npm install` without --omit=dev");
	const child = spawn(process.execPath, [BIN, ...args], {
		cwd: folder,
		// nothing else of ours: CLOUDFLARE_ENV or a token would have it do other things
		env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? folder, ...offline(folder) },
		stdio: ["ignore", "pipe", "pipe"],
		detached: true, // a group of its own: Ctrl-C reaches us alone, and we can kill all of it
	});
	const kill = () => {
		try {
			if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
		} catch {} // gone already
	};
	process.prependOnceListener("exit", kill); // before the folder under it is removed
	const lines: string[] = [];
	const lookers: ((line: string) => void)[] = [];
	let stopping = false;
	const hear = (raw: string) => {
		const line = stripVTControlCharacters(raw).trimEnd();
		if (line === "") return;
		lines.push(line);
		if (lines.length > KEPT_LINES) lines.shift();
		if (!stopping) log(line); // what it says of its own end is nobody's news
		for (const look of lookers) look(line);
	};
	for (const input of [child.stdout, child.stderr]) createInterface({ input }).on("line", hear);
	const succeeded = once(child, "close").then(([code]) => {
		process.off("exit", kill);
		return code === 0;
	});
	return {
		command: [
			"wrangler",
			...args.slice(
				0,
				args.findIndex((arg) => arg.startsWith("-")),
			),
		].join(" "),
		succeeded,
		first: (look) =>
			new Promise((resolve) => {
				lookers.push((line) => {
					const found = look(line);
					if (found !== undefined) resolve(found);
				});
				void succeeded.then(() => resolve(null));
			}),
		tail: () => lines.join("\n"),
		async stop() {
			stopping = true;
			child.kill("SIGTERM"); // it takes its children with it
			const hard = setTimeout(kill, STOP_DEADLINE_MS);
			await succeeded;
			clearTimeout(hard);
		},
	};
}
