import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export const ROOT = path.resolve(import.meta.dirname, "../..");

export interface Running {
	port: number;
	pid: number;
	stop(): Promise<void>;
}

/** A program in a process of its own, ready once it answers on the port it was given. `quiet`: what it logs goes nowhere. */
export async function start(program: string, env: Record<string, string> = {}, quiet = false): Promise<Running> {
	const port = await freePort();
	const child = spawn(process.execPath, [path.join(ROOT, program)], {
		env: { ...process.env, ...env, PORT: String(port) },
		stdio: quiet ? ["inherit", "ignore", "inherit"] : "inherit",
	});
	for (let tries = 0; tries < 200; tries++) {
		if (child.exitCode !== null) throw new Error(`${program} exited with ${child.exitCode}`);
		const answered = await fetch(`http://127.0.0.1:${port}/healthz`, { method: "POST", body: "" }).catch(() => null);
		if (answered && answered.status !== 503) return { port, pid: child.pid ?? 0, stop: () => stop(child) };
		await sleep(50);
	}
	await stop(child);
	throw new Error(`${program} does not answer`);
}

async function freePort(): Promise<number> {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address() as AddressInfo;
	server.close();
	await once(server, "close");
	return port;
}

async function stop(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null) return;
	const gone = once(child, "exit");
	child.kill("SIGKILL");
	await gone;
}

/** Runs a program to its end. */
export async function run(program: string, args: string[]): Promise<void> {
	const child = spawn(process.execPath, [path.join(ROOT, program), ...args], { stdio: "inherit" });
	const [code] = (await once(child, "exit")) as [number | null];
	if (code !== 0) throw new Error(`${program} exited with ${code}`);
}
