import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/* Receivers and providers that repeat in their answers whatever they are sent, as debug pages do. */

export interface Heard {
	path: string;
	headers: IncomingHttpHeaders;
	body: string;
}

/** How a debug page spells what it was sent. */
const SPELLINGS: Record<string, (heard: Heard) => string> = {
	json: (heard) => JSON.stringify(heard),
	php: (heard) => JSON.stringify(heard).replaceAll("/", "\\/"),
	url: ({ headers, body }) => new URLSearchParams({ ...(headers as Record<string, string>), body }).toString().replaceAll("+", "%20"),
	html: ({ headers }) =>
		`<pre>${JSON.stringify(headers).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")}</pre>`,
	plain: ({ headers }) => Object.entries(headers).join("\n"),
};

/** Receivers at `/json`, `/php`, `/url`, `/html` and `/plain`: 500 and an echo first, for each event, then 200 and the echo again. */
export async function echoReceiver() {
	const heard: Heard[] = [];
	const url = await serve(async (request, response) => {
		const one = { path: request.url ?? "", headers: request.headers, body: (await bodyOf(request)).toString() };
		heard.push(one);
		const spell = SPELLINGS[one.path.split(/[/?]/)[1] ?? ""] ?? (() => "");
		response.writeHead(one.headers["jobhook-attempt"] === "1" ? 500 : 200, { "content-type": "text/plain" }).end(spell(one));
	});
	return { url, heard };
}

/** In front of the sandbox: what mentions ECHO is refused with all that it was sent, the rest is passed on. */
export async function echoProvider(sandbox: string) {
	const heard: Heard[] = [];
	const url = await serve(async (request, response) => {
		const body = await bodyOf(request);
		const one = { path: request.url ?? "", headers: request.headers, body: body.toString("latin1") };
		heard.push(one);
		if (one.body.includes("ECHO")) {
			const message = `refused: ${Object.entries(one.headers).join(" ")} ${one.body}`;
			return void response.writeHead(422, { "content-type": "application/json" }).end(JSON.stringify({ message, detail: message }));
		}
		const { host: _, connection: __, "content-length": ___, "transfer-encoding": ____, ...headers } = one.headers;
		const init = { method: request.method ?? "GET", headers: headers as Record<string, string>, redirect: "manual" as const };
		const answer = await fetch(sandbox + one.path, { ...init, ...(body.length > 0 ? { body: new Uint8Array(body) } : {}) });
		const { "content-encoding": _____, ...passed } = Object.fromEntries(answer.headers);
		response.writeHead(answer.status, passed).end(Buffer.from(await answer.arrayBuffer()));
	});
	return { url, heard };
}

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>): Promise<string> {
	const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	onTestFinished(() => {
		server.closeAllConnections();
		server.close();
	});
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks);
}

/** Whether a secret signed what was heard, in either family. */
export function signedWith(secret: string, { headers, body }: Heard): boolean {
	const [id, seconds] = [String(headers["webhook-id"]), String(headers["webhook-timestamp"])];
	const key = secret.startsWith("whsec_") ? Buffer.from(secret.slice("whsec_".length), "base64") : null;
	const standard = key && createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64");
	const deapi = createHmac("sha256", secret).update(`${headers["x-deapi-timestamp"]}.${body}`).digest("hex");
	const all = String(headers["webhook-signature"]).split(" ");
	return (standard !== null && all.includes(`v1,${standard}`)) || headers["x-deapi-signature"] === `sha256=${deapi}`;
}
