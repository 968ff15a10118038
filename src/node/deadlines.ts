import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Config } from "../config.ts";

/** Of a body that was answered before its end so much is read on, so that a client that writes it all first sees the answer. */
const READ_ON_BYTES = 2_097_152;
const READ_ON_MS = 500;
const LOOK_EVERY_MS = 5;

type Deadlines = Pick<Config, "headersDeadlineMs" | "bodyDeadlineMs" | "transferDeadlineMs">;

/** What Node itself watches: for a whole request it has one limit, which must be the longest. */
export const nodesOwn = ({ headersDeadlineMs, transferDeadlineMs }: Deadlines) => ({
	headersTimeout: headersDeadlineMs,
	requestTimeout: headersDeadlineMs + transferDeadlineMs,
});

/** Shows whoever is not done with a body in time the door, as Node does. Uploads have Node's own, longer limit. */
export function watchBodies(server: Server, { bodyDeadlineMs }: Deadlines): void {
	const readingOn = new ReadingOn();
	server.on("request", (request, response) => {
		if (!hasBody(request) || isUpload(request)) return;
		const timer = setTimeout(() => request.complete || refuse(request, response), bodyDeadlineMs).unref();
		response.once("close", () => clearTimeout(timer));
		response.once("finish", () => request.complete || readingOn.add(request));
	});
}

interface Unread {
	request: IncomingMessage;
	untilBytes: number;
	untilMs: number;
}

/**
 * Node throws away what comes behind an answer, for as long as it comes: on a fast line that is hundreds of megabytes. What it
 * throws away makes no events, so that somebody has to look, one timer for all. Until the end the connection is left alone:
 * whoever still writes would not see the answer.
 */
class ReadingOn {
	readonly #unread = new Set<Unread>();
	#looking: NodeJS.Timeout | null = null;

	add(request: IncomingMessage): void {
		const { socket, headers } = request;
		const tooLong = Number(headers["content-length"] ?? 0) > 2 * READ_ON_BYTES; // read on or not, it would not come to its end
		if (tooLong) socket.pause();
		this.#unread.add({
			request,
			untilBytes: socket.bytesRead + (tooLong ? 0 : READ_ON_BYTES),
			untilMs: performance.now() + READ_ON_MS,
		});
		this.#looking ??= setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
	}

	#look(): void {
		const now = performance.now();
		for (const one of this.#unread) {
			const { socket, complete } = one.request;
			if (complete || socket.destroyed) this.#unread.delete(one);
			else if (now > one.untilMs) socket.destroySoon();
			else if (socket.bytesRead > one.untilBytes) socket.pause();
		}
		if (this.#unread.size > 0 || this.#looking === null) return;
		clearInterval(this.#looking);
		this.#looking = null;
	}
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
	headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";

const isUpload = ({ method, url = "", headers }: IncomingMessage): boolean =>
	method === "POST" && /^\/v1\/(files|jobs)(\?|$)/.test(url) && /^multipart\/form-data\b/i.test(headers["content-type"] ?? "");

function refuse({ socket }: IncomingMessage, response: ServerResponse): void {
	if (!response.headersSent && socket.writable) socket.write("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n");
	socket.destroy();
}
