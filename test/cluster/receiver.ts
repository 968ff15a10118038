import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Received } from "../support/launch.ts";

/**
 * A backend that keeps every callback. While it is told to hold, its callers wait, and of every two that came one is cut off
 * then without having been taken: whoever made that call has to make it again.
 */
export async function startReceiver() {
	const received: Received[] = [];
	let held: Promise<void> | null = null;
	let turn = 0;
	const server = createServer(async (request, response) => {
		const chunks: Buffer[] = [];
		try {
			for await (const chunk of request) chunks.push(chunk as Buffer);
		} catch {
			return; // the sender was killed half-way: this was no callback
		}
		const cutOff = held !== null && turn++ % 2 === 0;
		if (!cutOff) received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
		await held;
		if (cutOff) request.socket.destroy();
		else response.writeHead(200).end();
	}).listen(0, "127.0.0.1");
	await once(server, "listening");
	/** Returns how to let them go. */
	const hold = () => {
		const { promise, resolve } = Promise.withResolvers<void>();
		held = promise;
		return () => {
			held = null;
			resolve();
		};
	};
	const close = () => {
		server.closeAllConnections();
		server.close();
	};
	return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`, received, hold, close };
}
