import { describe, expect, it } from "vitest";
import { createWorld, envelope, isGenuine } from "./world.ts";

async function finishedJob(hooks: object, options = {}) {
	const world = createWorld(options);
	await world.patch({ hooks });
	const id = await world.submitted();
	await world.pass(1800);
	return Object.assign(world, { id });
}

describe("hook knobs", () => {
	it("a dropped event is never sent and never retried, and the job is done all the same", async () => {
		const { events, status, id, pass, hooks } = await finishedJob({ dropEvents: ["job.completed"] });
		await pass(86_400_000);
		expect(events()).toEqual(["job.processing"]);
		expect((await status(id)).status).toBe("done");
		expect((await hooks())[1]).toMatchObject({ event: "job.completed", outcome: "dropped", headers: {}, status: null });
	});

	it("dropNext loses so many hooks and then stops", async () => {
		const { events, submitted, pass, knobs } = await finishedJob({ dropNext: 3 });
		await submitted();
		await pass(1800);
		expect(events()).toEqual(["job.completed"]);
		expect((await knobs()).hooks.dropNext).toBe(0);
	});

	it("a delay holds the first attempt back by real time, whatever the factor", async () => {
		const { posts, pass } = await finishedJob({ delayMs: 5_000 }, { timeFactor: 0.001 });
		expect(posts).toEqual([]);
		await pass(5_000);
		expect(posts.map((post) => Math.round(post.atMs * 10) / 10)).toEqual([5000.3, 5001.8]);
	});

	it("copies are the same request several times at once, and their failure counts once", async () => {
		const world = createWorld({ knobs: { hooks: { copies: 3, dropEvents: ["job.processing"] } } });
		world.receiver(() => 500);
		await world.submitted();
		await world.pass(1800);
		expect(world.posts).toHaveLength(3);
		expect(world.posts[1]).toEqual(world.posts[0]);
		await world.pass(8 * 60_000); // four rungs of the ladder: were copies counted, hooks would be off
		expect(world.posts).toHaveLength(12);
		expect((await world.knobs()).hooks.enabled).toBe(true);
	});

	it("reorder lets the end of a job overtake its beginning", async () => {
		const { events } = await finishedJob({ reorder: true });
		expect(events()).toEqual(["job.completed", "job.processing"]);
	});

	it("reorder sends the beginning also when the end is lost", async () => {
		const { events } = await finishedJob({ reorder: true, dropEvents: ["job.completed"] });
		expect(events()).toEqual(["job.processing"]);
	});

	it("a wrong signature looks right and does not verify", async () => {
		const { posts } = await finishedJob({ sign: "wrong" });
		for (const post of posts) {
			expect(post.headers["X-DeAPI-Signature"]).toMatch(/^sha256=[0-9a-f]{64}$/);
			expect(isGenuine(post)).toBe(false);
		}
		expect(posts).toHaveLength(2);
	});

	it("unsigned is an empty header although there is a secret", async () => {
		const { posts } = await finishedJob({ sign: "none" });
		expect(posts.map((post) => post.headers["X-DeAPI-Signature"])).toEqual(["", ""]);
	});

	it("turned off, nothing is sent", async () => {
		const { posts, hooks } = await finishedJob({ enabled: false });
		expect(posts).toEqual([]);
		expect((await hooks()).map((hook) => hook.outcome)).toEqual(["disabled", "disabled"]);
	});

	it("autoDisableAfter moves the point where deAPI gives up, and null removes it", async () => {
		for (const [autoDisableAfter, sent] of [
			[2, 2],
			[null, 20],
		] as const) {
			const world = createWorld();
			await world.patch({ hooks: { autoDisableAfter } });
			world.receiver(() => 500);
			await world.submitted();
			await world.pass(3 * 86_400_000);
			expect([autoDisableAfter, world.posts.length]).toEqual([autoDisableAfter, sent]);
		}
	});
});

describe("the hook log", () => {
	it("keeps the exact headers and body of every attempt", async () => {
		const { hooks, posts, id } = await finishedJob({});
		const log = await hooks();
		expect(log.map(({ headers, body, url }) => ({ headers, body, url }))).toEqual(
			posts.map(({ headers, body, url }) => ({ headers, body, url })),
		);
		expect(log[1]).toMatchObject({
			delivery_id: envelope(posts[1]!).delivery_id,
			event: "job.completed",
			job: id,
			attempt: 1,
			at: "2026-01-15T10:30:46.800Z",
			outcome: "delivered",
			status: 200,
		});
	});

	it("resends a delivery with the same bytes and a fresh signature", async () => {
		const { hooks, posts, request, pass } = await finishedJob({ dropEvents: ["job.processing"] });
		await pass(60_000);
		const [dropped] = await hooks();
		const answer = await request(`/_sandbox/hooks/${envelope(posts[0]!).delivery_id}/resend`, { method: "POST" });
		expect(await answer.json()).toMatchObject({ data: { attempt: 2, outcome: "delivered", status: 200 } });
		expect(posts[1]!.body).toBe(posts[0]!.body);
		expect(posts[1]!.headers["X-DeAPI-Timestamp"]).not.toBe(posts[0]!.headers["X-DeAPI-Timestamp"]);
		expect(posts.every(isGenuine)).toBe(true);
		expect((await request(`/_sandbox/hooks/${dropped!.delivery_id}/resend`, { method: "POST" })).status).toBe(200);
		expect(envelope(posts[2]!).event).toBe("job.processing");
	});

	it("a resend takes no rung of the ladder", async () => {
		const world = createWorld({ knobs: { hooks: { dropEvents: ["job.processing"] } } });
		world.receiver(() => 500);
		await world.submitted();
		await world.pass(1800);
		await world.request(`/_sandbox/hooks/${envelope(world.posts[0]!).delivery_id}/resend`, { method: "POST" });
		await world.pass(3 * 60_000);
		expect(world.posts.map((post) => post.atMs)).toEqual([1800, 1800, 61_800, 181_800]);
	});

	it("answers 404 for a delivery it does not know", async () => {
		const { request } = createWorld();
		expect((await request("/_sandbox/hooks/nope/resend", { method: "POST" })).status).toBe(404);
	});

	it("keeps the newest thousand", async () => {
		const { hooks, request, posts, receiver } = await finishedJob({});
		receiver(() => 200);
		const path = `/_sandbox/hooks/${envelope(posts[0]!).delivery_id}/resend`;
		await Promise.all(Array.from({ length: 1005 }, () => request(path, { method: "POST" })));
		const log = await hooks();
		expect(log).toHaveLength(1000);
		expect(log.at(-1)?.attempt).toBe(1006);
	});
});
