import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { type JobName, jobNames, priceOf } from "../../../src/sandbox/deapi/knobs.ts";
import { bodies, createWorld, envelope, errorsOf, hookUrl, isGenuine } from "./world.ts";

/** What webhooks call it, and how its file begins. */
const expected: Record<JobName, { jobType: string; extension: string; contentType: string; begins: string }> = {
	txt2img: { jobType: "txt2img", extension: "png", contentType: "image/png", begins: "\u0089PNG" },
	txt2video: { jobType: "txt2video", extension: "mp4", contentType: "video/mp4", begins: "\0\0\0\u0020ftypisom" },
	txt2audio: { jobType: "txt2audio", extension: "wav", contentType: "audio/wav", begins: "RIFF" },
	txt2music: { jobType: "txt2music", extension: "wav", contentType: "audio/wav", begins: "RIFF" },
	txt2embedding: { jobType: "txt2embedding", extension: "json", contentType: "application/json", begins: "[" },
	transcribe: { jobType: "video2text", extension: "txt", contentType: "text/plain; charset=utf-8", begins: "This is the sandbox" },
};

describe.each(jobNames)("%s", (name) => {
	const body = { ...bodies[name], webhook_url: hookUrl };
	const { jobType, extension, contentType, begins } = expected[name];

	it("12, 44, 48: goes from pending through processing to done, with exactly the documented keys", async () => {
		const { submit, status, pass } = createWorld();
		const answer = await submit(body, name);
		const { data } = (await answer.json()) as { data: { request_id: string } };
		expect([answer.status, Object.keys(data)]).toEqual([200, ["request_id"]]);
		const seen = [await status(data.request_id)];
		for (const ms of [300, 1500]) {
			await pass(ms);
			seen.push(await status(data.request_id));
		}
		expect(seen.map((one) => one.status)).toEqual(["pending", "processing", "done"]);
		for (const one of seen)
			expect(Object.keys(one)).toEqual(["status", "preview", "result_url", "results_alt_formats", "result", "progress"]);
		expect(seen.map(({ result, progress }) => [result, progress])).toEqual([
			[null, 0],
			[null, 0],
			[null, 100],
		]);
	});

	it("45: its file is behind result_url, under its own name and type, and nobody needs a key", async () => {
		const { sandbox, submitted, status, pass } = createWorld();
		const id = await submitted(body, name);
		await pass(1800);
		const url = (await status(id)).result_url ?? "";
		expect(new URL(url).pathname).toBe(`/results/${id}.${extension}`);
		const answer = await sandbox.app.request(url);
		expect([answer.status, answer.headers.get("content-type")]).toEqual([200, contentType]);
		const bytes = Buffer.from(await answer.arrayBuffer());
		expect(Number(answer.headers.get("content-length"))).toBe(bytes.length);
		expect(bytes.toString("latin1").startsWith(begins)).toBe(true);
		expect((await sandbox.app.request(url.replace(`.${extension}?`, ".exe?"))).status).toBe(404);
	});

	it("55: two signed webhooks tell of it under its live name, the last one with result_url alone", async () => {
		const { posts, submitted, pass } = createWorld();
		await submitted({ ...body, return_result_in_response: true }, name);
		await pass(1800);
		expect(posts.map((post) => [envelope(post).event, envelope(post).data["job_type"]])).toEqual([
			["job.processing", jobType],
			["job.completed", jobType],
		]);
		expect(Object.keys(envelope(posts[1]!).data)).toEqual([
			"job_request_id",
			"status",
			"previous_status",
			"job_type",
			"completed_at",
			"result_url",
			"processing_time_ms",
		]);
		expect(posts.every(isGenuine)).toBe(true);
	});

	it("46: fails when a knob says so, and is paid back", async () => {
		const { submitted, status, pass, knobs, events } = createWorld({ knobs: { jobs: { failNext: 1 } } });
		const id = await submitted(body, name);
		expect((await knobs()).balance).toBeLessThan(5);
		await pass(1800);
		expect(await status(id)).toMatchObject({ status: "error", result_url: null, result: null });
		expect(events()).toEqual(["job.processing", "job.failed"]);
		expect((await knobs()).balance).toBe(5);
	});

	it("37: its price is more than nothing, is what the job then costs, and makes no job", async () => {
		const { post, submitted, knobs, posts, pass } = createWorld({ webhookUrl: hookUrl });
		const answer = await post(priceOf(name), bodies[name]);
		const { data } = (await answer.json()) as { data: { price: number } };
		expect([answer.status, Object.keys(data)]).toEqual([200, ["price"]]);
		expect(data.price).toBeGreaterThan(0);
		await pass(10_000);
		expect([posts.length, (await knobs()).balance]).toEqual([0, 5]);
		await submitted(bodies[name], name);
		expect((await knobs()).balance).toBeCloseTo(5 - data.price, 6);
	});

	it("53: faults meet its submit and its price, each under its own name", async () => {
		const { submit, post, patch, calls, pass, posts } = createWorld();
		await patch({ calls: [{ call: name, status: 503, createFirst: true }] });
		expect((await post(priceOf(name), bodies[name])).status).toBe(200);
		expect((await submit(body, name)).status).toBe(503);
		await patch({ calls: [{ call: priceOf(name), status: 500 }] });
		expect((await post(priceOf(name), bodies[name])).status).toBe(500);
		expect((await calls()).map(({ call, status }) => [call, status])).toEqual([
			[priceOf(name), 200],
			[name, 503],
			[priceOf(name), 500],
		]);
		await pass(1800);
		expect(posts).toHaveLength(2); // of the job that nobody was told of
	});

	it("54: a Basic account has its own small share of it, and of its price", async () => {
		const shares = { txt2img: 3, txt2video: 1, txt2audio: 5, txt2music: 1, txt2embedding: 10, transcribe: 1 };
		const { submit, post } = createWorld({ knobs: { rateLimit: "basic" } });
		for (let i = 0; i < shares[name]; i++) expect((await submit(body, name)).status).toBe(200);
		expect((await submit(body, name)).status).toBe(429);
		for (let i = 0; i < 50; i++) expect((await post(priceOf(name), bodies[name])).status).toBe(200);
		expect((await post(priceOf(name), bodies[name])).status).toBe(429);
	});

	it("16, 17: an unknown model and one for something else are refused under `model`", async () => {
		const { submit } = createWorld();
		expect(await errorsOf(submit({ ...body, model: "Nope" }, name))).toEqual({ model: ["The selected model does not exist."] });
		const { model } = await errorsOf(submit({ ...body, model: "RealESRGAN_Vid_x2" }, name));
		expect(model?.[0]).toMatch(/^The selected model does not support [A-Z]\w+ To [A-Z]\w+\.$/);
	});

	it("1, 4, 13: a key, the right method and a body are needed", async () => {
		const { request, submit } = createWorld();
		const path = `/api/v1/client/${name}`;
		expect((await request(path, { method: "POST", headers: { authorization: "Bearer nope" } })).status).toBe(401);
		for (const one of [path, `${path}/price-calculation`]) expect((await request(one)).headers.get("allow")).toBe("POST");
		expect(Object.keys(await errorsOf(submit({}, name)))).toContain("model");
	});
});

describe("what is made up", () => {
	async function fileOf(name: JobName, body: Record<string, unknown>): Promise<Buffer> {
		const { sandbox, submitted, status, pass } = createWorld();
		const id = await submitted(body, name);
		await pass(1800);
		return Buffer.from(await (await sandbox.app.request((await status(id)).result_url ?? "")).arrayBuffer());
	}

	it("is the same for the same seed, and another one every time for -1", async () => {
		for (const name of ["txt2img", "txt2video", "txt2music"] as const) {
			const seeded = { ...bodies[name], seed: 7 };
			expect((await fileOf(name, seeded)).equals(await fileOf(name, seeded))).toBe(true);
			const random = { ...bodies[name], seed: -1 };
			expect((await fileOf(name, random)).equals(await fileOf(name, random))).toBe(false);
		}
	});

	it("has the size that was asked for", async () => {
		expect(decode(await fileOf("txt2img", { ...bodies.txt2img, width: 512, height: 384 }))).toMatchObject({ width: 512, height: 384 });
		const speech = await fileOf("txt2audio", { ...bodies.txt2audio, text: "x".repeat(30), speed: 2, sample_rate: 16_000 });
		expect([speech.readUInt32LE(24), speech.readUInt32LE(40)]).toEqual([16_000, 32_000]); // one second
		const music = await fileOf("txt2music", bodies.txt2music);
		expect(music.readUInt32LE(40) / music.readUInt32LE(28)).toBe(12);
	});
});
