import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import path from "node:path";

/* Real processes and servers, for tests and for programs that run outside vitest: whoever starts one ends it. */

export const ROOT = path.resolve(import.meta.dirname, "../..");
export const API_KEY = "e2e-api-key-0123456789";
export const HOOK_SECRET = "e2e-hook-secret-0123456789abcdef";
export const JOB = {
	provider: "deapi",
	type: "txt2img",
	model: "Flux1schnell",
	input: { prompt: "a red fox in snow", width: 256, height: 256, steps: 4 },
};

export async function freePort(): Promise<number> {
	const server = createTcpServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address() as AddressInfo;
	server.close();
	await once(server, "close");
	return port;
}

/** The built service as its own process, on one port and one folder through all its lives. Not started yet. */
export async function serviceIn(folder: string, env: Record<string, string> = {}) {
	const port = await freePort();
	let child: ChildProcess | undefined;
	let output = "";

	async function start(): Promise<void> {
		const settings = {
			PORT: String(port),
			DATABASE_URL: path.join(folder, "jobhook.db"),
			JOBHOOK_API_KEY: API_KEY,
			CALLBACK_ALLOW: "127.0.0.0/8",
			REQUESTS_PER_MINUTE: "0",
		};
		const started = spawn(process.execPath, [path.join(ROOT, "dist/node.js")], {
			env: { ...settings, ...env },
			stdio: ["ignore", "pipe", "pipe"],
		});
		child = started;
		await new Promise<void>((resolve, reject) => {
			let ready = false;
			const read = (chunk: Buffer) => {
				output = (output + chunk.toString()).slice(-1_000_000);
				if (ready || !output.includes('"msg":"gateway.started"')) return;
				ready = true;
				resolve();
			};
			started.stdout.on("data", read);
			started.stderr.on("data", read);
			started.once("exit", (code) => reject(new Error(`the service exited with ${code}:\n${output}`)));
		});
	}
	/** Resolves with the exit code, or the signal that ended it. */
	async function signal(name: NodeJS.Signals): Promise<number | string | null> {
		const ending = child;
		if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return null;
		const gone = once(ending, "exit");
		ending.kill(name);
		const [code, by] = (await gone) as [number | null, string | null];
		output = "";
		return code ?? by;
	}
	const call = async <T>(at: string, init: RequestInit = {}): Promise<T> => {
		const headers = { authorization: `Bearer ${API_KEY}`, "content-type": "application/json", ...init.headers };
		return (await (await fetch(`http://127.0.0.1:${port}${at}`, { ...init, headers })).json()) as T;
	};
	/** Of the living process, in MiB: `VmRSS` now, `VmHWM` at most so far. Linux only. */
	const memory = (field: "VmRSS" | "VmHWM"): number => {
		const status = readFileSync(`/proc/${child?.pid}/status`, "utf8");
		return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
	};
	return {
		port,
		folder,
		database: path.join(folder, "jobhook.db"),
		start,
		signal,
		call,
		memory,
		freeze: () => child?.kill("SIGSTOP"),
		output: () => output,
	};
}
export type Service = Awaited<ReturnType<typeof serviceIn>>;

export interface Received {
	headers: IncomingMessage["headers"];
	body: string;
}

/** A real receiver. `answer` decides when and what each callback is answered. */
export async function startReceiver(answer: (callback: Received, n: number) => Promise<number> | number = () => 200) {
	const received: Received[] = [];
	const server = createServer(async (request, response) => {
		const chunks: Buffer[] = [];
		try {
			for await (const chunk of request) chunks.push(chunk as Buffer);
		} catch {
			return; // the sender was killed half-way: this was no callback
		}
		const callback = { headers: request.headers, body: Buffer.concat(chunks).toString() };
		received.push(callback);
		response.writeHead(await answer(callback, received.length)).end();
	}).listen(0, "127.0.0.1");
	await once(server, "listening");
	const close = () => {
		server.closeAllConnections();
		server.close();
	};
	return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`, received, close };
}
