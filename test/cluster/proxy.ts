import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * Round robin over `ports`, request by request, for clients and for the provider's webhooks. One that refuses the connection
 * is passed over; one that breaks it is a 502; one that hangs lets its callers hang, and gets what they sent when it wakes.
 * While it is told to lose answers, each is a 502, too: what it answers to was done, and will be asked for again.
 */
export async function startProxy(ports: readonly number[], watch: (path: string, body: string) => void) {
	const agent = new Agent({ keepAlive: true });
	let turn = 0;
	let lossy = false;
	const server = createServer(async (incoming, outgoing) => {
		const body = await bodyOf(incoming).catch(() => null);
		if (body === null) return;
		watch(incoming.url ?? "", body.toString());
		const first = turn++;
		for (let i = 0; i < ports.length; i++) {
			const port = ports[(first + i) % ports.length] as number;
			if ((await forward({ agent, port, body, lost: () => lossy }, incoming, outgoing)) !== "refused") return;
		}
		outgoing.writeHead(502).end();
	}).listen(0, "127.0.0.1");
	await once(server, "listening");
	/** Returns how to end it. */
	const loseAnswers = () => {
		lossy = true;
		return () => {
			lossy = false;
		};
	};
	const close = () => {
		agent.destroy();
		server.closeAllConnections();
		server.close();
	};
	return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, loseAnswers, close };
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
	const chunks: Buffer[] = [];
	for await (const chunk of message) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks);
}

type To = { agent: Agent; port: number; body: Buffer; lost: () => boolean };

function forward({ agent, port, body, lost }: To, incoming: IncomingMessage, outgoing: ServerResponse): Promise<"refused" | "answered"> {
	return new Promise((resolve) => {
		const { "transfer-encoding": _, connection: __, ...headers } = incoming.headers;
		const length = { "content-length": String(body.length) };
		const onward = request({
			agent,
			host: "127.0.0.1",
			port,
			method: incoming.method,
			path: incoming.url,
			headers: { ...headers, ...length },
		});
		const answered = (status: number, said: Buffer | string = "") => {
			// a connection that breaks within an answer is told twice
			if (!outgoing.headersSent) outgoing.writeHead(status, { "content-type": "application/json" }).end(said);
			resolve("answered");
		};
		onward.on("response", async (answer) => {
			const said = await bodyOf(answer).catch(() => null);
			if (said === null || lost()) answered(502);
			else answered(answer.statusCode ?? 502, said);
		});
		onward.on("error", (e: Error & { code?: string }) => (e.code === "ECONNREFUSED" ? resolve("refused") : answered(502)));
		onward.end(body);
	});
}
