import { describe, expect, it } from "vitest";
import { phpJson } from "../../../src/sandbox/deapi/envelope.ts";
import { createWorld, envelope, expectedSignature, fullBody, hookUrl, isGenuine } from "./world.ts";

const minute = 60_000;
const day = 86_400_000;

async function finishedJob(options: Parameters<typeof createWorld>[0] = {}) {
	const world = createWorld(options);
	const id = await world.submitted();
	await world.pass(1800);
	return Object.assign(world, { id });
}

describe("webhooks", () => {
	it("55: a job that completes sends processing and completed, each with its own delivery id", async () => {
		const { posts, id } = await finishedJob();
		const [processing, completed] = posts.map(envelope);
		expect(processing).toEqual({
			event: "job.processing",
			delivery_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
			timestamp: "2026-01-15T10:30:45.300Z",
			data: {
				job_request_id: id,
				status: "processing",
				previous_status: "pending",
				job_type: "txt2img",
				started_at: "2026-01-15T10:30:45.300Z",
			},
		});
		expect(completed).toEqual({
			event: "job.completed",
			delivery_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
			timestamp: "2026-01-15T10:30:46.800Z",
			data: {
				job_request_id: id,
				status: "done",
				previous_status: "processing",
				job_type: "txt2img",
				completed_at: "2026-01-15T10:30:46.800Z",
				result_url: expect.stringContaining(`http://sandbox.test/results/${id}.png?`),
				processing_time_ms: 1500,
			},
		});
		expect(completed?.delivery_id).not.toBe(processing?.delivery_id);
		expect(posts).toHaveLength(2);
	});

	it("55: the headers are deAPI's and repeat the body", async () => {
		const { posts } = await finishedJob();
		for (const post of posts) {
			expect(post.headers).toEqual({
				"Content-Type": "application/json",
				"User-Agent": "DeAPI-Webhook/1.0",
				"X-DeAPI-Signature": expect.stringMatching(/^sha256=[0-9a-f]{64}$/),
				"X-DeAPI-Timestamp": String(Math.floor(Date.parse(envelope(post).timestamp) / 1000)),
				"X-DeAPI-Event": envelope(post).event,
				"X-DeAPI-Delivery-Id": envelope(post).delivery_id,
			});
			expect([post.url, post.deadlineMs]).toEqual([hookUrl, 10_000]);
		}
	});

	it("45: the link in a completed hook opens without a key", async () => {
		const { sandbox, posts } = await finishedJob();
		const { result_url } = envelope(posts[1]!).data;
		expect((await sandbox.app.request(String(result_url))).headers.get("content-type")).toBe("image/png");
	});

	it("56: the body is spelled as PHP spells it", () => {
		const data = {
			job_request_id: "123e4567-e89b-12d3-a456-426614174000",
			status: "done",
			previous_status: "processing",
			job_type: "txt2img",
			completed_at: "2024-01-15T10:50:45.000Z",
			result_url: "https://storage.deapi.ai/r/a.png",
			processing_time_ms: 4500,
		};
		const delivery_id = "550e8400-e29b-41d4-a716-446655440001";
		const body = phpJson({ event: "job.completed", delivery_id, timestamp: "2024-01-15T10:50:45.000Z", data });
		expect(body).toHaveLength(370);
		expect(expectedSignature("1705315845", body)).toBe("sha256=55d88de26380f3a45aed45b288b4628b3bd7769116ef2e4293888eca6b265723");
		expect(phpJson({ text: "schön 🦊" })).toBe('{"text":"sch\\u00f6n \\ud83e\\udd8a"}');
	});

	it("58: the signature is lower-case hex over the exact bytes, and other bytes do not verify", async () => {
		const { posts } = await finishedJob();
		for (const post of posts) {
			expect(isGenuine(post)).toBe(true);
			expect(isGenuine({ ...post, body: `${post.body} ` })).toBe(false);
			expect(isGenuine({ ...post, headers: { ...post.headers, "X-DeAPI-Timestamp": "1" } })).toBe(false);
		}
		const reserialised = JSON.stringify(envelope(posts[1]!));
		expect(isGenuine({ ...posts[1]!, body: reserialised })).toBe(false);
	});

	it("without a secret the signature header is there and empty", async () => {
		const { posts } = await finishedJob({ webhookSecret: null });
		expect(posts.map((post) => post.headers["X-DeAPI-Signature"])).toEqual(["", ""]);
	});

	it("61: a job's own webhook_url takes the place of the global one", async () => {
		const { posts } = await finishedJob({ webhookUrl: "https://global.test/hook" });
		expect(posts.map((post) => post.url)).toEqual([hookUrl, hookUrl]);
	});

	it("61: the global one is used for a job without its own, and no one is called when there is neither", async () => {
		const all = createWorld({ webhookUrl: "https://global.test/hook" });
		await all.submitted(fullBody);
		await all.pass(1800);
		expect(all.posts.map((post) => post.url)).toEqual(["https://global.test/hook", "https://global.test/hook"]);
		const none = createWorld();
		await none.submitted(fullBody);
		await none.pass(1800);
		expect(none.posts).toEqual([]);
	});

	it("62: a failed job says why", async () => {
		const { posts } = await finishedJob({ knobs: { jobs: { failNext: 1, errorCode: "WORKER_TIMEOUT", errorMessage: "Too slow." } } });
		expect(posts.map(envelope).map(({ event, data }) => [event, data["status"]])).toEqual([
			["job.processing", "processing"],
			["job.failed", "error"],
		]);
		expect(envelope(posts[1]!).data).toMatchObject({
			previous_status: "processing",
			failed_at: "2026-01-15T10:30:46.800Z",
			error_code: "WORKER_TIMEOUT",
			error_message: "Too slow.",
		});
		expect(isGenuine(posts[1]!)).toBe(true);
	});
});

describe("retries", () => {
	const quiet = { knobs: { hooks: { autoDisableAfter: null, dropEvents: ["job.processing" as const] } } };
	const ladder = [0, 1, 2, 5, 10, 30, 60, 180, 360, 720].map((minutes) => minutes * minute);

	it("59: a receiver that answers 500 is tried ten times on the official ladder", async () => {
		const { posts, receiver, pass, submitted } = createWorld(quiet);
		receiver(() => 500);
		await submitted();
		await pass(3 * day);
		const waits = posts.map((post, i) => post.atMs - (posts[i - 1]?.atMs ?? 1800));
		expect(waits).toEqual(ladder);
	});

	it("59: the time factor shortens the ladder", async () => {
		const { posts, receiver, pass, submitted } = createWorld({ ...quiet, timeFactor: 0.001 });
		receiver(() => 500);
		await submitted();
		await pass(3 * minute);
		expect(posts).toHaveLength(10);
		expect(posts[9]!.atMs - posts[0]!.atMs).toBeCloseTo((22 * 60 + 48) * 60, 5);
	});

	it("59: every attempt keeps the delivery id and the bytes, and is signed anew", async () => {
		const { posts, receiver, pass, submitted } = createWorld(quiet);
		receiver(() => 500);
		await submitted();
		await pass(10 * minute);
		expect(posts.length).toBeGreaterThan(3);
		expect(new Set(posts.map((post) => post.body)).size).toBe(1);
		expect(new Set(posts.map((post) => post.headers["X-DeAPI-Delivery-Id"])).size).toBe(1);
		expect(new Set(posts.map((post) => post.headers["X-DeAPI-Signature"])).size).toBe(posts.length);
		expect(posts.every(isGenuine)).toBe(true);
	});

	it("59: a redirect and a broken network are failures, 204 is a success", async () => {
		const { posts, receiver, pass, submitted, hooks } = createWorld(quiet);
		const answers = [302, "ECONNREFUSED", 204];
		receiver(() => {
			const next = answers.shift();
			if (typeof next !== "number") throw new Error(next);
			return next;
		});
		await submitted();
		await pass(day);
		expect(posts).toHaveLength(3);
		const seen = (await hooks()).filter((hook) => hook.event === "job.completed");
		expect(seen.map(({ attempt, outcome, status, error }) => [attempt, outcome, status, error])).toEqual([
			[1, "refused", 302, null],
			[2, "unreachable", null, "ECONNREFUSED"],
			[3, "delivered", 204, null],
		]);
	});

	it("60: ten failures in a row, over all jobs, turn webhooks off for everyone", async () => {
		const { posts, receiver, pass, submitted, knobs, hooks } = createWorld();
		receiver(() => 503);
		for (let i = 0; i < 5; i++) await submitted();
		await pass(1800);
		expect(posts).toHaveLength(10);
		expect((await knobs()).hooks.enabled).toBe(false);
		receiver(() => 200);
		await submitted();
		await pass(3 * day);
		expect(posts).toHaveLength(10);
		expect((await hooks()).slice(10).map((hook) => hook.outcome)).toEqual(Array(12).fill("disabled"));
	});

	it("60: a success in between starts the count anew", async () => {
		const { posts, receiver, pass, submitted, knobs } = createWorld();
		receiver(() => (posts.length === 9 ? 200 : 500));
		for (let i = 0; i < 9; i++) await submitted();
		await pass(1800);
		expect(posts).toHaveLength(18);
		expect((await knobs()).hooks.enabled).toBe(true);
	});

	it("60: turned on again, the next events are sent and need ten new failures", async () => {
		const { posts, receiver, pass, submitted, knobs, patch } = createWorld();
		receiver(() => 500);
		for (let i = 0; i < 5; i++) await submitted();
		await pass(1800);
		await patch({ hooks: { enabled: true } });
		await submitted();
		await pass(1800);
		expect(posts).toHaveLength(12);
		expect((await knobs()).hooks.enabled).toBe(true);
	});

	it("a closed sandbox sends nothing more and leaves no timer behind", async () => {
		const { sandbox, posts, receiver, pass, submitted, timersLeft } = createWorld();
		receiver(() => 500);
		await submitted();
		await submitted();
		await pass(400);
		sandbox.close();
		expect(timersLeft()).toBe(0);
		await pass(day);
		expect(posts).toHaveLength(2);
		expect(timersLeft()).toBe(0);
	});
});
