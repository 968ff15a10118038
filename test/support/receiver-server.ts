import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A callback as it came over a socket, at a time of the world's. */
export interface Arrival {
	atMs: number;
	path: string;
	event: string;
	type: string;
	delivery: string;
	attempt: number;
	body: string;
}
/** A status, with header fields where there are some; `cut` closes the connection without an answer. */
export type Reply = number | { status: number; headers: Record<string, string> } | "cut";

/**
 * A real HTTP server on 127.0.0.1 that lives by the world's clock: when it is asked, and how long it takes. `changed` is
 * called when a request has come or was answered.
 */
export async function openReceiver(now: () => number, { latencyMs = 0, changed = () => {} } = {}) {
	const arrivals: Arrival[] = [];
	let decide: (arrival: Arrival) => Reply | Promise<Reply> = () => 200;
	let slow: { at: number; send: () => void }[] = [];
	const count = { waiting: 0, most: 0 };

	const send = (response: ServerResponse, reply: Reply) => {
		count.waiting--;
		if (reply === "cut") response.socket?.destroy();
		else if (typeof reply === "number") response.writeHead(reply).end();
		else response.writeHead(reply.status, reply.headers).end();
		changed();
	};
	const server = createServer(async (request, response) => {
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk as Buffer);
		const header = (name: string) => String(request.headers[name] ?? "");
		const arrival = {
			...{ atMs: now(), path: request.url ?? "", event: header("webhook-id"), type: header("x-deapi-event") },
			...{ delivery: header("jobhook-delivery"), attempt: Number(header("jobhook-attempt")), body: Buffer.concat(chunks).toString() },
		};
		arrivals.push(arrival);
		count.waiting++;
		count.most = Math.max(count.most, count.waiting);
		const reply = decide(arrival);
		const answer = (said: Reply) => {
			if (latencyMs === 0) send(response, said);
			else slow.push({ at: now() + latencyMs, send: () => send(response, said) });
		};
		if (reply instanceof Promise) void reply.then(answer);
		else answer(reply);
		changed();
	});
	server.keepAliveTimeout = 60_000;
	server.listen(0, "127.0.0.1");
	await once(server, "listening");

	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`,
		arrivals,
		/** Requests that wait for their answer, now and at most so far. */
		count,
		/** Decides what is answered, when a request comes. */
		answers: (next: typeof decide) => {
			decide = next;
		},
		nextAnswerAt: () => (slow.length > 0 ? Math.min(...slow.map(({ at }) => at)) : null),
		/** Sends the answers whose time has come. */
		letGo: () => {
			const due = slow.filter(({ at }) => at <= now());
			slow = slow.filter(({ at }) => at > now());
			for (const one of due) one.send();
		},
		close: async () => {
			server.closeAllConnections();
			server.close();
			await once(server, "close");
		},
	};
}
export type Receiver = Awaited<ReturnType<typeof openReceiver>>;
