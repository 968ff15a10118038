import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import { ROOT } from "../support/launch.ts";

/** A line of a process's log, as far as a run reads it. */
export interface Line {
	msg: string;
	delivery?: string;
	n?: number;
	state?: string;
	reason?: string | null;
}

/** Where it listens through all its lives, and how long its claims are. */
export interface Identity {
	name: string;
	port: number;
	leaseMs: number;
}

/** One process of the built service. Not started yet. */
export function clusterNode({ name, port, leaseMs }: Identity, env: Record<string, string>) {
	const lines: Line[] = [];
	/** How it ended when nobody ended it. */
	const crashes: string[] = [];
	let child: ChildProcess | undefined;
	process.once("exit", () => child?.kill("SIGKILL")); // whatever else went wrong

	async function start(): Promise<void> {
		const started = spawn(process.execPath, [path.join(ROOT, "dist/node.js")], {
			env: { ...env, PORT: String(port) },
			stdio: ["ignore", "pipe", "pipe"],
		});
		child = started;
		let errors = "";
		started.stderr.on("data", (chunk: Buffer) => {
			errors = (errors + chunk.toString()).slice(-4000);
		});
		await new Promise<void>((resolve, reject) => {
			createInterface({ input: started.stdout }).on("line", (text) => {
				const line = read(text);
				if (line === null) return;
				lines.push(line);
				if (line.msg === "gateway.started") resolve();
			});
			started.once("exit", (code, signal) => {
				if (signal !== "SIGKILL") crashes.push(`${name} ended with ${code ?? signal}: ${errors}`);
				reject(new Error(`${name} ended with ${code ?? signal} before it had started: ${errors}`));
			});
		});
	}
	async function kill(): Promise<void> {
		const ending = child;
		if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
		const gone = once(ending, "exit");
		ending.kill("SIGKILL");
		await gone;
	}
	const freeze = () => child?.kill("SIGSTOP");
	const thaw = () => child?.kill("SIGCONT");
	return { name, leaseMs, lines, crashes, start, kill, freeze, thaw };
}
export type ClusterNode = ReturnType<typeof clusterNode>;

function read(text: string): Line | null {
	try {
		const { msg, delivery, n, state, reason } = JSON.parse(text) as Line;
		return { msg, ...(delivery && { delivery }), ...(n && { n }), ...(state && { state }), ...(reason && { reason }) };
	} catch {
		return null; // the half line of a process that was killed
	}
}

/** Below the ports that connections are given: while its process is dead, nobody else may take it. */
export async function quietPort(): Promise<number> {
	for (;;) {
		const port = 15_000 + Math.floor(Math.random() * 15_000);
		const server = createServer();
		const free = await new Promise<boolean>((resolve) => {
			server.once("error", () => resolve(false));
			server.listen(port, "127.0.0.1", () => resolve(true));
		});
		if (!free) continue;
		server.close();
		await once(server, "close");
		return port;
	}
}
