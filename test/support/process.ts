import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";
import { startSandbox } from "../../src/node/sandbox.ts";
import type { KnobsPatch } from "../../src/sandbox/deapi/knobs.ts";

export const ROOT = path.resolve(import.meta.dirname, "../..");
export const API_KEY = "e2e-api-key-0123456789";
const HOOK_SECRET = "e2e-hook-secret-0123456789abcdef";

/** A folder of the test's own, removed with it. */
export function scratch(): string {
	const folder = mkdtempSync(path.join(os.tmpdir(), "jobhook-e2e-"));
	onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
	return folder;
}

export async function freePort(): Promise<number> {
	const server = createTcpServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address() as AddressInfo;
	server.close();
	await once(server, "close");
	return port;
}

/** The built service as its own process, on one port and one database through all its lives. */
export async function service(env: Record<string, string> = {}) {
	const folder = scratch();
	const port = await freePort();
	let child: ChildProcess | undefined;
	let output = "";

	async function start(): Promise<void> {
		const settings = {
			PORT: String(port),
			DATABASE_URL: path.join(folder, "jobhook.db"),
			JOBHOOK_API_KEY: API_KEY,
			CALLBACK_ALLOW: "127.0.0.0/8",
		};
		const started = spawn(process.execPath, [path.join(ROOT, "dist/node.js")], {
			env: { ...settings, ...env },
			stdio: ["ignore", "pipe", "pipe"],
		});
		child = started;
		await new Promise<void>((resolve, reject) => {
			const read = (chunk: Buffer) => {
				output += chunk.toString();
				if (output.includes('"msg":"gateway.started"')) resolve();
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
	onTestFinished(async () => void (await signal("SIGKILL")));
	await start();

	const call = async <T>(at: string, init: RequestInit = {}): Promise<T> => {
		const headers = { authorization: `Bearer ${API_KEY}`, "content-type": "application/json" };
		return (await (await fetch(`http://127.0.0.1:${port}${at}`, { ...init, headers })).json()) as T;
	};
	return { port, folder, start, signal, call, freeze: () => child?.kill("SIGSTOP"), output: () => output };
}
export type Service = Awaited<ReturnType<typeof service>>;

/** The sandbox in this process, and what a service needs to use it. */
export async function provider(knobs: KnobsPatch = {}) {
	const sandbox = await startSandbox({
		port: 0,
		apiKeys: ["sandbox-key"],
		webhookSecret: HOOK_SECRET,
		webhookUrl: null,
		timeFactor: 0.05,
		knobs,
	});
	onTestFinished(() => sandbox.close());
	const env = { DEAPI_BASE_URL: sandbox.url, DEAPI_API_KEY: "sandbox-key", DEAPI_WEBHOOK_SECRET: HOOK_SECRET };
	const calls = async (name: string) => {
		const { data } = (await (await fetch(`${sandbox.url}/_sandbox/calls`)).json()) as { data: { call: string }[] };
		return data.filter((entry) => entry.call === name).length;
	};
	/** Posts a hook that was dropped or sent before; the receiver's answer is in when it resolves. */
	const resend = async (event: string) => {
		const { data } = (await (await fetch(`${sandbox.url}/_sandbox/hooks`)).json()) as { data: { event: string; delivery_id: string }[] };
		const hook = data.find((sent) => sent.event === event);
		await fetch(`${sandbox.url}/_sandbox/hooks/${hook?.delivery_id}/resend`, { method: "POST" });
	};
	return { env, calls, resend };
}

export interface Received {
	headers: IncomingMessage["headers"];
	body: string;
}

/** A real receiver. `answer` decides when and what each callback is answered. */
export async function receiver(answer: (callback: Received, n: number) => Promise<number> | number = () => 200) {
	const received: Received[] = [];
	const server = createServer(async (request, response) => {
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk as Buffer);
		const callback = { headers: request.headers, body: Buffer.concat(chunks).toString() };
		received.push(callback);
		response.writeHead(await answer(callback, received.length)).end();
	}).listen(0, "127.0.0.1");
	await once(server, "listening");
	onTestFinished(() => {
		server.closeAllConnections();
		server.close();
	});
	return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`, received };
}

/** A promise that is settled from outside. */
export function gate<T = void>() {
	let open: (value: T) => void = () => {};
	const opened = new Promise<T>((resolve) => {
		open = resolve;
	});
	return { opened, open };
}

export const JOB = {
	provider: "deapi",
	type: "txt2img",
	model: "Flux1schnell",
	input: { prompt: "a red fox in snow", width: 256, height: 256, steps: 4 },
};
