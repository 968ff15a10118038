import { createDecartClient, models } from "@decartai/sdk";
import { afterEach, describe, expect, it } from "vitest";
import { type RunningSandbox, type StartSandboxOptions, startSandbox } from "../../../../src/node/sandbox.ts";
import type { CallEntry } from "../../../../src/sandbox/decart/calls.ts";
import { key, video } from "./world.ts";

/** The official client, @decartai/sdk 0.1.20, over real sockets. Its errors are plain objects. */
const open: RunningSandbox[] = [];
afterEach(async () => {
	for (const one of open.splice(0)) await one.close();
});

async function start(decart: StartSandboxOptions["decart"] = { timeFactor: 0.001 }) {
	const sandbox = await startSandbox({ port: 0, apiKeys: [key], webhookSecret: null, webhookUrl: null, decart });
	open.push(sandbox);
	const quiet = { debug() {}, info() {}, warn() {}, error() {} };
	const client = createDecartClient({ apiKey: key, baseUrl: sandbox.url, telemetry: false, logger: quiet });
	const calls = async () => ((await (await fetch(`${sandbox.url}/_sandbox/decart/calls`)).json()) as { data: CallEntry[] }).data;
	return { sandbox, client, calls };
}
const clip = models.video("lucy-clip");

describe("Decart conformance: the JavaScript SDK", () => {
	it("1 JS submit of lucy-clip is taken, with its key and its form", async () => {
		const { client, calls } = await start();
		const job = await client.queue.submit({ model: clip, prompt: "a red fox", data: video });
		expect(job).toEqual({ job_id: expect.any(String), status: "pending" });
		expect((await calls())[0]).toMatchObject({
			call: "submit",
			key: "permanent",
			contentType: "multipart/form-data",
			userAgent: expect.stringMatching(/^decart-js-sdk\/0\.1\.20 lang\/js/),
			fields: { prompt: "a red fox", resolution: "720p", data: { filename: "blob", type: "video/mp4", bytes: video.size } },
		});
	});

	it("8 JS names a model that is not served", async () => {
		const { client } = await start();
		const model = { ...clip, queueUrlPath: "/v1/jobs/no-such-model" };
		await expect(client.queue.submit({ model, prompt: "fox", data: video })).rejects.toMatchObject({
			code: "QUEUE_SUBMIT_ERROR",
			message: "Failed to submit job: 404 - Not Found",
			data: { status: 404 },
		});
	});

	it("12 JS submitAndPoll asks after half a second, then each second and a half, and gives the film", async () => {
		const { client, calls } = await start({ timeFactor: 0.5 });
		const seen: string[] = [];
		const result = await client.queue.submitAndPoll({
			model: clip,
			prompt: "a red fox",
			data: video,
			onStatusChange: ({ status }) => void seen.push(status),
		});
		if (result.status !== "completed") throw new Error(result.error);
		expect(seen).toEqual(["pending", "processing", "completed"]);
		expect(result).toMatchObject({ job_id: expect.any(String), data: expect.any(Blob) });
		expect([result.data.type, result.data.size > 100]).toEqual(["video/mp4", true]);
		const log = await calls();
		expect(log.map(({ call }) => call)).toEqual(["submit", "status", "status", "content"]);
		const [submitted = 0, first = 0, second = 0] = log.map(({ at }) => Date.parse(at));
		expect(first - submitted).toBeGreaterThanOrEqual(490); // the two clocks may differ by some milliseconds
		expect(second - first).toBeGreaterThanOrEqual(1490);
	});

	it("13 JS is told of a failed job, and asks for no content", async () => {
		const { client, calls } = await start();
		const result = await client.queue.submitAndPoll({ model: clip, prompt: "a fox [fail]", data: video });
		expect(result).toEqual({ status: "failed", job_id: expect.any(String), error: "Job failed" });
		expect((await calls()).map(({ call }) => call)).toEqual(["submit", "status"]);
	});

	it("14 JS shows the detail alone", async () => {
		const { client } = await start();
		await expect(client.queue.submit({ model: clip, prompt: "x".repeat(1200), data: video })).rejects.toMatchObject({
			message: "Failed to submit job: 422 - Prompt is too long: 1200 > 1000",
			data: { status: 422 },
		});
	});

	it("15 JS process gives the picture", async () => {
		const { client } = await start();
		const picture = await client.process({ model: models.image("lucy-image-2"), prompt: "fox", data: video, resolution: "480p" });
		expect([picture.type, picture.size > 1000]).toEqual(["image/png", true]);
	});

	it("10 JS is refused the status and the content of a job that is not there", async () => {
		const { client } = await start();
		await expect(client.queue.status("nope")).rejects.toMatchObject({ code: "QUEUE_STATUS_ERROR", data: { status: 404 } });
		await expect(client.queue.result("nope")).rejects.toMatchObject({
			code: "QUEUE_RESULT_ERROR",
			message: "Failed to get job content: 404 - Job not found",
		});
	});

	it("18 JS creates a token, and 20 a client made with it cannot", async () => {
		const { client, sandbox } = await start();
		const { apiKey } = await client.tokens.create();
		expect(apiKey).toMatch(/^ek_/);
		const browser = createDecartClient({ apiKey, baseUrl: sandbox.url, telemetry: false });
		await expect(browser.tokens.create()).rejects.toMatchObject({ code: "TOKEN_CREATE_ERROR", data: { status: 403 } });
	});

	it("23 JS uploads a file, 24 shows it and deletes it", async () => {
		const { client } = await start();
		const file = await client.files.upload(new File([new Uint8Array(10)], "fox.png", { type: "image/png" }), { ttlSeconds: "persistent" });
		expect(file).toMatchObject({ filename: "fox.png", size_bytes: 10, expires_at: null });
		expect(await client.files.get(file.id)).toEqual(file);
		await client.files.delete(file.id);
		await expect(client.files.get(file.id)).rejects.toMatchObject({ code: "FILES_GET_ERROR", data: { status: 404 } });
	});

	it("28 JS may be given a base URL that ends in a slash, and 29 the prefix of a proxy", async () => {
		const { sandbox } = await start();
		for (const baseUrl of [`${sandbox.url}/`, `${sandbox.url}/api/decart`]) {
			const client = createDecartClient({ apiKey: key, baseUrl, telemetry: false });
			expect(await client.queue.submit({ model: clip, prompt: "fox", data: video })).toMatchObject({ status: "pending" });
		}
		const keyless = createDecartClient({ proxy: `${sandbox.url}/api/decart`, telemetry: false });
		await expect(keyless.queue.submit({ model: clip, prompt: "fox", data: video })).rejects.toMatchObject({
			message: "Failed to submit job: 401 - Invalid API key",
		});
	});
});
