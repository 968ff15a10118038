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
	server.on("request", (request, response) => {
		if (!hasBody(request) || isUpload(request)) return;
		const timer = setTimeout(() => request.complete || refuse(request, response), bodyDeadlineMs).unref();
		response.once("close", () => clearTimeout(timer));
		response.once("finish", () => request.complete || readOnALittle(request));
	});
}

/**
 * Node throws away what comes behind an answer, and `@hono/node-server` ends it after half a second: on a fast line that is
 * hundreds of megabytes. What Node throws away makes no events, so that somebody has to look. Until the end the connection is
 * left alone: whoever still writes would not see the answer.
 */
function readOnALittle(request: IncomingMessage): void {
	const { socket, headers } = request;
	const hopeless = Number(headers["content-length"] ?? 0) > 2 * READ_ON_BYTES;
	const [untilBytes, untilMs] = [socket.bytesRead + (hopeless ? 0 : READ_ON_BYTES), performance.now() + READ_ON_MS];
	if (hopeless) socket.pause();
	const looking = setInterval(() => {
		if (request.complete || socket.destroyed) clearInterval(looking);
		else if (performance.now() > untilMs) socket.destroySoon();
		else if (socket.bytesRead > untilBytes) socket.pause();
	}, LOOK_EVERY_MS).unref();
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
	headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";

const isUpload = ({ method, url = "", headers }: IncomingMessage): boolean =>
	method === "POST" && /^\/v1\/(files|jobs)(\?|$)/.test(url) && /^multipart\/form-data\b/i.test(headers["content-type"] ?? "");

function refuse({ socket }: IncomingMessage, response: ServerResponse): void {
	if (!response.headersSent && socket.writable) socket.write("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n");
	socket.destroy();
}
