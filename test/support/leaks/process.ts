import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { onTestFinished } from "vitest";
import { freePort, ROOT } from "../launch.ts";

/** The built service on one port through all its lives; all that it ever says is kept. */
export async function loudService() {
	const port = await freePort();
	let said = "";
	let child: ChildProcess | undefined;
	const end = async (signal: NodeJS.Signals): Promise<void> => {
		if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
		const gone = once(child, "close");
		child.kill(signal);
		await gone;
	};
	onTestFinished(() => end("SIGKILL"));
	return {
		url: `http://127.0.0.1:${port}`,
		/** Resolves when it is up, or with what it said before it went. */
		async start(env: Record<string, string>): Promise<"up" | "gone"> {
			const started = spawn(process.execPath, [path.join(ROOT, "dist/node.js")], {
				env: { ...env, PORT: String(port) },
				stdio: ["ignore", "pipe", "pipe"],
			});
			child = started;
			const before = said.length;
			return new Promise((resolve) => {
				const hear = (chunk: Buffer) => {
					said += chunk.toString();
					if (said.includes('"gateway.started"', before)) resolve("up");
				};
				started.stdout.on("data", hear);
				started.stderr.on("data", hear);
				started.once("close", () => resolve("gone"));
			});
		},
		end,
		said: () => said,
	};
}
