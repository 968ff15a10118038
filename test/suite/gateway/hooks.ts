import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { openWorld, type World } from "../../support/world.ts";
import { strangers } from "./strangers.ts";
import { accepted, deliveriesOf, eventsOf, hook, receipts, told } from "./tools.ts";

export function hooks(open: () => Promise<Db>): void {
	strangers(open);
	describe("hooks in", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		it("makes one move, one event, one fan-out and one receipt of a hundred concurrent copies, and acknowledges each", async () => {
			await world.endpoint({ url: "https://endpoint.example.com/" });
			const { job, url, providerJob } = await accepted(world);
			const post = hook(world, { url, providerJob, event: "job.completed" });
			const answers = await Promise.all(Array.from({ length: 100 }, () => told(world, post)));
			expect(answers.filter((answer) => answer === "200 applied")).toHaveLength(1);
			expect(answers.filter((answer) => answer === "200 duplicate")).toHaveLength(99);
			expect(await receipts(world)).toMatchObject([
				{ outcome: "applied", source: "hook", type: "job.completed", jobId: job, body: post.body },
			]);
			expect(await eventsOf(world, job)).toEqual(["1 job.completed"]);
			expect(await deliveriesOf(world, job)).toHaveLength(2);
			await world.run();
			expect(world.callbacks).toHaveLength(2);
		});

		it("makes one move of a hundred hooks that say the same under delivery ids of their own", async () => {
			const { job, url, providerJob } = await accepted(world);
			const posts = Array.from({ length: 100 }, () => hook(world, { url, providerJob, event: "job.completed" }));
			const answers = await Promise.all(posts.map((post) => told(world, post)));
			expect(answers.toSorted()).toEqual(["200 applied", ...Array.from({ length: 99 }, () => "200 late")]);
			expect(await receipts(world)).toHaveLength(100);
			expect(await eventsOf(world, job)).toEqual(["1 job.completed"]);
		});

		it("lets completed overtake processing, which is late then", async () => {
			const { job, url, providerJob } = await accepted(world);
			expect(await told(world, hook(world, { url, providerJob, event: "job.completed" }))).toBe("200 applied");
			expect(await told(world, hook(world, { url, providerJob, event: "job.processing" }))).toBe("200 late");
			expect(await world.job(job)).toMatchObject({ state: "completed", revision: 1 });
			expect(await eventsOf(world, job)).toEqual(["1 job.completed"]);
		});

		it.each([
			["job.completed", "job.failed", "completed"],
			["job.failed", "job.completed", "failed"],
		])("lets %s stand against a later %s, which is recorded as conflicting", async (first, second, state) => {
			const { job, url, providerJob } = await accepted(world);
			expect(await told(world, hook(world, { url, providerJob, event: first }))).toBe("200 applied");
			const before = await world.job(job);
			world.jump(1000);
			expect(await told(world, hook(world, { url, providerJob, event: second }))).toBe("200 conflicting");
			expect(before.state).toBe(state);
			expect(await world.job(job)).toMatchObject({ state, revision: 1, error: before.error, ended_at: before["ended_at"] });
			expect((await receipts(world)).map(({ outcome }) => outcome)).toEqual(["applied", "conflicting"]);
			expect(await eventsOf(world, job)).toEqual([`1 ${first}`]);
		});

		it("lets exactly one of two concurrent, contrary ends win", async () => {
			const { job, url, providerJob } = await accepted(world);
			const ends = ["job.completed", "job.failed"].map((event) => hook(world, { url, providerJob, event }));
			const answers = await Promise.all(ends.map((post) => told(world, post)));
			expect(answers.toSorted()).toEqual(["200 applied", "200 conflicting"]);
			expect(await eventsOf(world, job)).toHaveLength(1);
		});

		it("tells nobody again when processing is repeated", async () => {
			const { job, url, providerJob } = await accepted(world);
			expect(await told(world, hook(world, { url, providerJob, event: "job.processing" }))).toBe("200 applied");
			expect(await told(world, hook(world, { url, providerJob, event: "job.processing" }))).toBe("200 repeated");
			expect(await eventsOf(world, job)).toEqual(["1 job.processing"]);
		});

		it("takes another body under a known delivery id for a copy", async () => {
			const { job, url, providerJob } = await accepted(world);
			const first = hook(world, { url, providerJob, event: "job.processing", deliveryId: "d-1" });
			expect(await told(world, first)).toBe("200 applied");
			const other = hook(world, { url, providerJob, event: "job.completed", deliveryId: "d-1" });
			expect(await told(world, other)).toBe("200 duplicate");
			expect(await world.job(job)).toMatchObject({ state: "processing", revision: 1 });
			expect(await receipts(world)).toMatchObject([{ body: first.body }]);
		});

		it("believes the signed delivery id in the body and not the header beside it", async () => {
			const { job, url, providerJob } = await accepted(world);
			for (const event of ["job.processing", "job.completed"]) {
				const post = hook(world, { url, providerJob, event });
				post.headers["X-DeAPI-Delivery-Id"] = "the-same";
				expect(await told(world, post)).toBe("200 applied");
			}
			expect(await world.job(job)).toMatchObject({ state: "completed", revision: 2 });
		});

		it("does not take completed without a link for the end, and asks for it", async () => {
			const { job, url, providerJob } = await accepted(world);
			const post = hook(world, { url, providerJob, event: "job.completed", data: { result_url: null } });
			expect(await told(world, post)).toBe("200 applied");
			expect(await world.job(job)).toMatchObject({ state: "processing", result_url: null });
			world.holdHooks(true);
			await world.pass(31_000);
			expect(await world.job(job)).toMatchObject({ state: "completed", revision: 2 });
			expect(await world.calls("request-status")).toHaveLength(1);
		});

		it("hands on the provider's own words of a failure", async () => {
			const { job, url, providerJob } = await accepted(world);
			await told(world, hook(world, { url, providerJob, event: "job.failed" }));
			await world.run();
			expect(await world.job(job)).toMatchObject({ state: "failed", error: { code: "WORKER_TIMEOUT", message: "No worker in time." } });
			const sent = JSON.parse(world.callbacks[0]!.body) as { data: Record<string, unknown> };
			expect(sent.data).toMatchObject({ status: "error", error_code: "WORKER_TIMEOUT", error_message: "No worker in time." });
		});

		it("accepts either secret of an account while it changes over", async () => {
			await world.close();
			world = await openWorld(await open(), { env: { DEAPI_WEBHOOK_SECRET: "the-new-secret,the-old-secret" } });
			const { job, url, providerJob } = await accepted(world);
			expect(await told(world, hook(world, { url, providerJob, event: "job.processing", secret: "the-old-secret" }))).toBe("200 applied");
			expect(await told(world, hook(world, { url, providerJob, event: "job.completed", secret: "the-new-secret" }))).toBe("200 applied");
			expect((await world.job(job)).state).toBe("completed");
		});
	});
}
