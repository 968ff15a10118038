import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type RunningSandbox, startSandbox } from "../../../../src/node/sandbox.ts";
import type { KnobsPatch } from "../../../../src/sandbox/decart/knobs.ts";
import { formOf, key, read, video } from "./world.ts";

const open: RunningSandbox[] = [];
afterEach(async () => {
	for (const one of open.splice(0)) await one.close();
});
const headers = { "x-api-key": key };

/** A sandbox of both providers, and the path of a film that is there. */
async function start(knobs: KnobsPatch = {}) {
	const sandbox = await startSandbox({
		port: 0,
		apiKeys: [key],
		webhookSecret: null,
		webhookUrl: null,
		decart: { knobs: { jobs: { pendingMs: 0, processingMs: 0 }, ...knobs } },
	});
	open.push(sandbox);
	const body = formOf({ prompt: "fox", data: video });
	const { job_id } = await read<{ job_id: string }>(await fetch(`${sandbox.url}/v1/jobs/lucy-clip`, { method: "POST", headers, body }));
	for (let status = ""; status !== "completed"; )
		({ status } = await read<{ status: string }>(await fetch(`${sandbox.url}/v1/jobs/${job_id}`, { headers })));
	return { sandbox, content: `/v1/jobs/${job_id}/content` };
}

/** What comes in on a plain socket until it is closed. */
async function raw(sandbox: RunningSandbox, path: string): Promise<{ head: string; bytes: number }> {
	const socket = connect(Number(new URL(sandbox.url).port), "127.0.0.1");
	socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nX-API-KEY: ${key}\r\nConnection: close\r\n\r\n`);
	const chunks: Buffer[] = [];
	socket.on("data", (chunk: Buffer) => chunks.push(chunk));
	socket.on("error", () => {}); // a reset is one way to be closed
	await new Promise((resolve) => socket.once("close", resolve));
	const all = Buffer.concat(chunks);
	const at = all.indexOf("\r\n\r\n");
	return { head: all.subarray(0, at).toString().toLowerCase(), bytes: all.length - at - 4 };
}

describe("Decart over real sockets", () => {
	it("shares the port with deAPI, and each has its own knobs", async () => {
		const { sandbox } = await start();
		const deapi = { authorization: `Bearer ${key}` };
		expect((await fetch(`${sandbox.url}/api/v1/client/balance`, { headers: deapi })).status).toBe(200);
		expect(await read(await fetch(`${sandbox.url}/_sandbox/knobs`))).toHaveProperty("balance");
		expect(await read(await fetch(`${sandbox.url}/_sandbox/decart/knobs`))).toHaveProperty("promptMax");
		expect((await fetch(`${sandbox.url}//api/decart/v1/realtime/quota`, { headers })).status).toBe(200);
	});

	it("a reset cuts the connection without an answer", async () => {
		const { sandbox, content } = await start({ calls: [{ call: "content", reset: true }] });
		const error = await fetch(`${sandbox.url}${content}`, { headers }).catch((problem: Error) => problem.cause);
		expect(error).toMatchObject({ code: "ECONNRESET" });
		expect((await fetch(`${sandbox.url}${content}`, { headers })).status).toBe(200);
	});

	it("cut content arrives by half at most", async () => {
		const { sandbox, content } = await start({ content: { sizeBytes: 500_000 }, calls: [{ call: "content", body: "cut", times: 2 }] });
		const { head, bytes } = await raw(sandbox, content);
		expect(head).toContain("content-length: 500000");
		expect(bytes).toBeGreaterThan(0);
		expect(bytes).toBeLessThanOrEqual(250_000); // a reset may overtake the last of them
		const answer = await fetch(`${sandbox.url}${content}`, { headers });
		await expect(answer.arrayBuffer()).rejects.toThrow("terminated");
	});

	it("longer content goes on behind its declared end", async () => {
		const { sandbox, content } = await start({ content: { sizeBytes: 500_000 }, calls: [{ call: "content", body: "longer" }] });
		const { head, bytes } = await raw(sandbox, content);
		expect([head.includes("content-length: 250000"), bytes]).toEqual([true, 500_000]);
	});

	it("large content is streamed, at the reader's pace", async () => {
		const { sandbox, content } = await start({ content: { sizeBytes: 32 * 1024 * 1024 } });
		const answer = await fetch(`${sandbox.url}${content}`, { headers });
		expect(answer.headers.get("content-length")).toBe(String(32 * 1024 * 1024));
		let got = 0;
		for await (const chunk of answer.body!) got += chunk.length;
		expect(got).toBe(32 * 1024 * 1024);
	});

	it("endless and stalled content end when the sandbox is closed, or the reader leaves", async () => {
		const { sandbox, content } = await start({
			calls: [
				{ call: "content", body: "endless", times: 2 },
				{ call: "content", body: "stall" },
			],
		});
		const left = new AbortController();
		const first = await fetch(`${sandbox.url}${content}`, { headers, signal: left.signal });
		const reader = first.body!.getReader();
		for (let i = 0; i < 3; i++) expect((await reader.read()).done).toBe(false);
		left.abort();
		const answers = [await fetch(`${sandbox.url}${content}`, { headers }), await fetch(`${sandbox.url}${content}`, { headers })];
		expect(answers.map((answer) => answer.headers.get("transfer-encoding"))).toEqual(["chunked", null]);
		const broken = answers.map((answer) => expect(answer.arrayBuffer()).rejects.toThrow("terminated"));
		await sandbox.close();
		await Promise.all(broken);
	});
});
