import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Config } from "../config.ts";

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
	});
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
	headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";

const isUpload = ({ method, url = "", headers }: IncomingMessage): boolean =>
	method === "POST" && /^\/v1\/(files|jobs)(\?|$)/.test(url) && /^multipart\/form-data\b/i.test(headers["content-type"] ?? "");

function refuse({ socket }: IncomingMessage, response: ServerResponse): void {
	if (!response.headersSent && socket.writable) socket.write("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n");
	socket.destroy();
}
