import { describe, expect, it } from "vitest";
import { createWorld, fullBody, settle } from "./world.ts";

const balance = "/api/v1/client/balance";

describe("call knobs", () => {
	it("53: a call fails so many times and then works again", async () => {
		const { request, patch, knobs } = createWorld();
		await patch({ calls: [{ call: "balance", times: 2, status: 500 }] });
		const answers = [await request(balance), await request(balance), await request(balance)];
		expect(answers.map((answer) => answer.status)).toEqual([500, 500, 200]);
		expect(await answers[0]!.json()).toEqual({ message: "Server Error" });
		expect((await knobs()).calls).toEqual([]);
	});

	it("53: other calls are left alone, unless the fault is for all", async () => {
		const { request, patch, submit } = createWorld();
		await patch({ calls: [{ call: "txt2img", status: 503, retryAfter: 7 }] });
		expect((await request(balance)).status).toBe(200);
		const answer = await submit();
		expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "7"]);
		await patch({ calls: [{ call: "*", status: 502 }] });
		expect((await request("/api/v1/client/models")).status).toBe(502);
	});

	it("53: a status of the provider comes with the provider's words", async () => {
		const { request, patch } = createWorld();
		for (const [status, message] of [
			[401, "Unauthenticated."],
			[403, "Your account has been suspended."],
			[404, "No query results for the requested resource."],
		] as const) {
			await patch({ calls: [{ call: "balance", status }] });
			expect(await (await request(balance)).json()).toEqual({ message });
		}
	});

	it("51: a 429 says when to come back", async () => {
		const { submit, patch } = createWorld();
		await patch({ calls: [{ call: "txt2img", status: 429, retryAfter: 3 }] });
		const answer = await submit();
		expect(await answer.json()).toEqual({ message: "Too Many Attempts." });
		expect([answer.status, answer.headers.get("retry-after"), answer.headers.get("x-ratelimit-type")]).toEqual([429, "3", "minute"]);
		expect((await submit()).status).toBe(200);
	});

	it("52: a daily 429 waits for midnight UTC", async () => {
		const { submit, patch } = createWorld();
		await patch({ calls: [{ call: "txt2img", status: 429, limitType: "daily" }] });
		const { headers } = await submit();
		expect([headers.get("retry-after"), headers.get("x-ratelimit-type")]).toEqual([String(13 * 3600 + 29 * 60 + 15), "daily"]);
	});

	it("a failed submit makes no job, unless it was created first and only its answer lost", async () => {
		for (const createFirst of [false, true]) {
			const world = createWorld();
			await world.patch({ calls: [{ call: "txt2img", status: 500, createFirst }] });
			const answer = await world.submit();
			expect([answer.status, answer.headers.get("x-ratelimit-limit")]).toEqual([500, null]); // nothing of the lost answer shows
			await world.pass(1800);
			expect([createFirst, world.posts.length]).toEqual([createFirst, createFirst ? 2 : 0]);
		}
	});

	it("a hanging submit says nothing until its time has passed, then 504 and no job", async () => {
		const world = createWorld();
		await world.patch({ calls: [{ call: "txt2img", hangMs: 40_000 }] });
		let answered: Response | null = null;
		const submitting = world.submit().then((answer) => (answered = answer));
		await settle();
		await world.pass(39_999);
		expect(answered).toBeNull();
		expect((await world.calls())[0]).toMatchObject({
			call: "txt2img",
			status: null,
			fault: "hang 40000 ms",
			body: { prompt: fullBody.prompt },
		});
		await world.pass(1);
		expect((await submitting).status).toBe(504);
		await world.pass(5_000);
		expect(world.posts).toEqual([]);
	});

	it("a hanging submit with createFirst makes the job at once and answers late", async () => {
		const world = createWorld();
		await world.patch({ calls: [{ call: "txt2img", hangMs: 40_000, createFirst: true }] });
		const submitting = world.submit();
		await settle();
		await world.pass(1800);
		expect(world.events()).toEqual(["job.processing", "job.completed"]);
		await world.pass(40_000);
		const answer = await submitting;
		expect(answer.status).toBe(200);
		const { data } = (await answer.json()) as { data: { request_id: string } };
		expect((await world.status(data.request_id)).status).toBe("done");
	});

	it("closing the sandbox lets go of what hangs", async () => {
		const world = createWorld();
		await world.patch({ calls: [{ call: "balance", hangMs: 40_000 }] });
		const asking = world.request(balance);
		await settle();
		world.sandbox.close();
		expect((await asking).status).toBe(504);
		expect(world.timersLeft()).toBe(0);
	});

	it("a reset answers nothing at all", async () => {
		const world = createWorld();
		await world.patch({ calls: [{ call: "txt2img", reset: true, createFirst: true }] });
		await expect(world.submit()).rejects.toThrow("connection cut");
		expect((await world.calls())[0]).toMatchObject({ call: "txt2img", status: null, fault: "createFirst, reset" });
		await world.pass(1800);
		expect(world.posts).toHaveLength(2);
	});

	it("the download of a picture can fail too", async () => {
		const world = createWorld();
		const id = await world.submitted();
		await world.pass(1800);
		await world.patch({ calls: [{ call: "result", status: 503 }] });
		const { result_url } = await world.status(id);
		expect((await world.sandbox.app.request(result_url ?? "")).status).toBe(503);
		expect((await world.sandbox.app.request(result_url ?? "")).status).toBe(200);
	});
});

describe("the call log", () => {
	it("holds every call in order, with its fields and without its key", async () => {
		const { request, submit, calls } = createWorld();
		await request("/api/v1/client/models?limit=1");
		await submit({ ...fullBody, prompt: "x".repeat(300) });
		await request("/api/v1/client/nope");
		const log = await calls();
		expect(log.map(({ call, method, path, status }) => [call, method, path, status])).toEqual([
			["models", "GET", "/api/v1/client/models?limit=1", 200],
			["txt2img", "POST", "/api/v1/client/txt2img", 200],
			[null, "GET", "/api/v1/client/nope", 404],
		]);
		expect(log[1]?.body).toMatchObject({ model: "Flux1schnell", seed: 42, prompt: `${"x".repeat(200)}…` });
		expect(log[1]?.at).toBe("2026-01-15T10:30:45.000Z");
		expect(JSON.stringify(log)).not.toContain("12|abc");
	});

	it("keeps the newest thousand and leaves out its own control calls", async () => {
		const { request, calls, knobs } = createWorld();
		for (let i = 0; i < 1005; i++) await request(`/api/v1/client/nope/${i}`);
		await knobs();
		const log = await calls();
		expect(log).toHaveLength(1000);
		expect(log.at(-1)?.path).toBe("/api/v1/client/nope/1004");
	});
});
