import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Agent, request } from "undici";
import { type Clock, systemClock } from "../core/clock.ts";
import { createDeapiSandbox, type DeapiSandboxOptions } from "../sandbox/deapi/app.ts";
import type { Send } from "../sandbox/deapi/hooks.ts";
import { createDecartSandbox, type DecartSandboxOptions, isDecart } from "../sandbox/decart/app.ts";
import type { Timers } from "../sandbox/timers.ts";

export interface StartSandboxOptions extends Omit<DeapiSandboxOptions, "clock" | "timers" | "send" | "baseUrl" | "cut"> {
	/** 0 = any free one. */
	port: number;
	/** A loopback address; anything else is refused, because `/_sandbox/` asks for no key. Default 127.0.0.1. */
	host?: string;
	clock?: Clock;
	/** Of Decart, which is on the same port. Keys and time factor are deAPI's unless they are given. */
	decart?: Partial<Omit<DecartSandboxOptions, "clock" | "timers" | "cut">>;
}

export interface RunningSandbox {
	/** `http://127.0.0.1:<port>`: the base URL for deAPI's clients and for Decart's. */
	url: string;
	/** Cancels all timers and cuts all connections, in and out. */
	close(): Promise<void>;
}

export async function startSandbox({
	port,
	host = "127.0.0.1",
	clock = systemClock,
	decart: decartOptions,
	...options
}: StartSandboxOptions): Promise<RunningSandbox> {
	if (!isLoopback(host)) throw new Error(`the sandbox listens on a loopback address only, not on ${host}`);
	const server = createServer();
	server.listen(port, host);
	await once(server, "listening");
	const { port: bound } = server.address() as AddressInfo;
	const url = `http://${host.includes(":") ? `[${host}]` : host}:${bound}`;
	const agent = new Agent();
	const deapi = createDeapiSandbox({ ...options, clock, timers, send: sendThrough(agent), baseUrl: url, cut });
	const { apiKeys, timeFactor = 1 } = options;
	const decart = createDecartSandbox({ apiKeys, timeFactor, ...decartOptions, clock, timers, cut });
	const answer = (request: Request, env: object) => (isDecart(request.url) ? decart : deapi).app.fetch(request, env);
	const listener = getRequestListener(answer, { overrideGlobalObjects: false });
	server.on("request", (incoming, outgoing) => void listener(incoming, outgoing));
	async function end(): Promise<void> {
		deapi.close();
		decart.close();
		const closed = once(server, "close");
		server.close();
		server.closeAllConnections();
		await Promise.all([closed, agent.destroy()]);
	}
	let ending: Promise<void> | null = null;
	return {
		url,
		close() {
			ending ??= end();
			return ending;
		},
	};
}

const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);

/** Unref'd: a sandbox with retries ahead does not keep a process alive that is otherwise done. */
const timers: Timers = {
	after(ms, fn) {
		const timer = setTimeout(fn, Math.min(ms, 2 ** 31 - 1)); // beyond that Node would fire at once
		timer.unref();
		return () => clearTimeout(timer);
	},
};

/** undici.request follows no redirects; the deadline covers the answer's body, of which nothing is kept. */
function sendThrough(dispatcher: Agent): Send {
	return async (url, { headers, body, deadlineMs }) => {
		const signal = AbortSignal.timeout(deadlineMs);
		const answer = await request(url, { method: "POST", headers, body, dispatcher, signal });
		await answer.body.dump({ limit: 16_384, signal });
		return { status: answer.statusCode };
	};
}

function cut(env: unknown): Response {
	(env as { incoming: IncomingMessage }).incoming.socket.resetAndDestroy();
	return RESPONSE_ALREADY_SENT;
}
