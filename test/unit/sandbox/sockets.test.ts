import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { decode } from "fast-png";
import { afterEach, describe, expect, it } from "vitest";
import { type RunningSandbox, type StartSandboxOptions, startSandbox } from "../../../src/node/sandbox.ts";
import type { CallEntry } from "../../../src/sandbox/deapi/calls.ts";
import type { HookAttempt } from "../../../src/sandbox/deapi/hooks.ts";
import { envelope, expectedSignature, key, minimalBody, secret } from "./world.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
	for (const one of open.splice(0)) await one.close();
});

interface Hit {
	path: string;
	rawHeaders: string[];
	body: string;
}

/** A receiver on a real socket; `next()` is the next hook that comes in. */
async function startReceiver(answer: (response: ServerResponse, hit: Hit) => void = (response) => response.end()) {
	const hits: Hit[] = [];
	const waiting: ((hit: Hit) => void)[] = [];
	const server = createServer(async (incoming, outgoing) => {
		const chunks: Uint8Array[] = [];
		for await (const chunk of incoming) chunks.push(chunk);
		const hit = { path: incoming.url ?? "", rawHeaders: incoming.rawHeaders, body: Buffer.concat(chunks).toString() };
		answer(outgoing, hit);
		const waiter = waiting.shift();
		if (waiter === undefined) hits.push(hit);
		else waiter(hit);
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	open.push({
		close() {
			server.closeAllConnections();
			server.close();
		},
	});
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
		next: () => new Promise<Hit>((resolve) => (hits.length > 0 ? resolve(hits.shift()!) : waiting.push(resolve))),
	};
}

async function start(options: Partial<StartSandboxOptions> = {}): Promise<RunningSandbox> {
	const sandbox = await startSandbox({ port: 0, apiKeys: [key], webhookSecret: secret, webhookUrl: null, timeFactor: 0.001, ...options });
	open.push(sandbox);
	return sandbox;
}

const authorization = `Bearer ${key}`;
const submit = (sandbox: RunningSandbox, body: object = minimalBody) =>
	fetch(`${sandbox.url}//api/v1/client/txt2img`, {
		method: "POST",
		headers: { authorization, "content-type": "application/json" },
		body: JSON.stringify(body),
	});
const turn = (sandbox: RunningSandbox, knobs: object) =>
	fetch(`${sandbox.url}/_sandbox/knobs`, { method: "PATCH", body: JSON.stringify(knobs) });
const hookLog = async (sandbox: RunningSandbox) =>
	((await (await fetch(`${sandbox.url}/_sandbox/hooks`)).json()) as { data: HookAttempt[] }).data;
const onlyCompleted = { hooks: { dropEvents: ["job.processing" as const] } };

describe("over real sockets", () => {
	it("3, 12, 55: a submit through a double slash leads to two signed hooks and a picture", async () => {
		const sandbox = await start();
		const receiver = await startReceiver();
		const answer = await submit(sandbox, { ...minimalBody, webhook_url: receiver.url });
		const { data } = (await answer.json()) as { data: { request_id: string } };
		const hits = [await receiver.next(), await receiver.next()];
		expect(new Set(hits.map((hit) => envelope(hit).event))).toEqual(new Set(["job.processing", "job.completed"]));
		for (const hit of hits) {
			const headers = Object.fromEntries(hit.rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name, hit.rawHeaders[i + 1]]] : [])));
			const signature = expectedSignature(String(headers["X-DeAPI-Timestamp"]), hit.body);
			expect(headers).toMatchObject({ "User-Agent": "DeAPI-Webhook/1.0", "X-DeAPI-Signature": signature });
		}
		const completed = hits.map(envelope).find((hook) => hook.event === "job.completed");
		expect(completed?.data["job_request_id"]).toBe(data.request_id);
		const picture = await fetch(String(completed?.data["result_url"]));
		expect(picture.headers.get("content-type")).toBe("image/png");
		expect(decode(await picture.arrayBuffer())).toMatchObject({ width: 256, height: 256 });
	});

	it("an empty signature header survives the wire", async () => {
		const sandbox = await start({ webhookSecret: null });
		const receiver = await startReceiver();
		await submit(sandbox, { ...minimalBody, webhook_url: receiver.url });
		const { rawHeaders } = await receiver.next();
		expect(rawHeaders[rawHeaders.indexOf("X-DeAPI-Signature") + 1]).toBe("");
	});

	it("59: a redirect is not followed and is tried again later", async () => {
		const sandbox = await start({ knobs: onlyCompleted });
		let first = true;
		const receiver = await startReceiver((response) => {
			response.writeHead(first ? 302 : 200, { location: "/elsewhere" }).end();
			first = false;
		});
		await submit(sandbox, { ...minimalBody, webhook_url: receiver.url });
		const hits = [await receiver.next(), await receiver.next()];
		expect(hits.map((hit) => hit.path)).toEqual(["/hook", "/hook"]);
		expect(hits[1]!.body).toBe(hits[0]!.body);
		const attempts = (await hookLog(sandbox)).filter((hook) => hook.event === "job.completed");
		expect(attempts[0]).toMatchObject({ attempt: 1, outcome: "refused", status: 302 });
	});

	it("59: the deadline ends a receiver that is silent and one that never finishes its answer", async () => {
		for (const answer of [() => {}, (response: ServerResponse) => response.writeHead(200).write("…")]) {
			const sandbox = await start({ knobs: onlyCompleted, hookDeadlineMs: 40 });
			const receiver = await startReceiver(answer);
			await submit(sandbox, { ...minimalBody, webhook_url: receiver.url });
			await receiver.next();
			await receiver.next(); // the second attempt is proof that the first one was given up
			const [, attempt] = await hookLog(sandbox);
			expect(attempt).toMatchObject({ attempt: 1, outcome: "unreachable", status: null });
		}
	});

	it("a success is a success however much the receiver has to say", async () => {
		const sandbox = await start({ knobs: onlyCompleted });
		const receiver = await startReceiver((response) => response.end("x".repeat(1_000_000)));
		await submit(sandbox, { ...minimalBody, webhook_url: receiver.url });
		const { delivery_id } = envelope(await receiver.next());
		const answer = await fetch(`${sandbox.url}/_sandbox/hooks/${delivery_id}/resend`, { method: "POST" });
		expect(await answer.json()).toMatchObject({ data: { outcome: "delivered", status: 200, error: null } });
	});

	it("a reset cuts the connection without an answer", async () => {
		const sandbox = await start();
		await turn(sandbox, { calls: [{ call: "txt2img", reset: true }] });
		const error = await submit(sandbox).catch((problem: Error) => problem.cause);
		expect(error).toMatchObject({ code: "ECONNRESET" });
		const { data } = (await (await fetch(`${sandbox.url}/_sandbox/calls`)).json()) as { data: CallEntry[] };
		expect(data).toMatchObject([{ call: "txt2img", status: null, fault: "reset" }]);
		expect((await submit(sandbox)).status).toBe(200);
	});

	it("closing it ends at once, though a call hangs and a receiver is silent", async () => {
		const sandbox = await start();
		const receiver = await startReceiver(() => {});
		await submit(sandbox, { ...minimalBody, webhook_url: receiver.url });
		await receiver.next();
		await turn(sandbox, { calls: [{ call: "balance", hangMs: 600_000 }] });
		const hanging = request(`${sandbox.url}/api/v1/client/balance`, { headers: { authorization } }).end();
		const ended = once(hanging, "response").then(
			([response]: IncomingMessage[]) => response?.statusCode,
			(error: NodeJS.ErrnoException) => error.code,
		);
		await once(hanging, "finish");
		await sandbox.close();
		expect([504, "ECONNRESET"]).toContain(await ended);
		await expect(fetch(sandbox.url)).rejects.toThrow("fetch failed");
	});

	it("listens on loopback only", async () => {
		await expect(start({ host: "0.0.0.0" })).rejects.toThrow("loopback");
		const sandbox = await start({ host: "localhost" });
		expect(sandbox.url).toMatch(/^http:\/\/localhost:\d+$/);
		expect((await submit(sandbox)).status).toBe(200);
	});

	it("says so when its port is taken", async () => {
		const first = await start();
		await expect(start({ port: Number(new URL(first.url).port) })).rejects.toThrow("EADDRINUSE");
	});
});
