import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { answer, GATEWAY, openWorld, submitted, type World } from "../../support/world.ts";
import { ACCOUNT_URL, accepted, answerFor, eventsOf, hook, receipts, submissionsOf, tokenUrl, told } from "./tools.ts";

export function astray(open: () => Promise<Db>): void {
	describe("an authentic hook at the wrong address", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		it("of a job that nobody here knows is acknowledged and kept as an orphan", async () => {
			const post = hook(world, { url: ACCOUNT_URL, providerJob: "someone-else's", event: "job.completed" });
			expect(await told(world, post)).toBe("200 orphan");
			expect(await told(world, post)).toBe("200 duplicate");
			await world.run();
			expect(await receipts(world)).toMatchObject([{ outcome: "orphan", jobId: null, body: post.body }]);
		});

		it("of one job at another job's token is recorded as mismatched and touches neither", async () => {
			const [x, b] = [await accepted(world), await accepted(world)];
			const before = await Promise.all([x, b].map(({ job }) => submissionsOf(world, job)));
			const post = hook(world, { url: b.url, providerJob: x.providerJob, event: "job.completed" });
			expect(await told(world, post)).toBe("200 mismatched");
			expect([(await world.job(x.job)).state, (await world.job(b.job)).state]).toEqual(["submitted", "submitted"]);
			expect(await Promise.all([x, b].map(({ job }) => submissionsOf(world, job)))).toEqual(before);
			expect(await receipts(world)).toMatchObject([{ outcome: "mismatched", jobId: b.job }]);
			expect(await told(world, hook(world, { url: x.url, providerJob: x.providerJob, event: "job.completed" }))).toBe("200 applied");
			expect(await eventsOf(world, b.job)).toEqual([]);
		});

		it("at the account's address finds its job by the provider's id", async () => {
			const { job, providerJob } = await accepted(world);
			expect(await told(world, hook(world, { url: ACCOUNT_URL, providerJob, event: "job.completed" }))).toBe("200 applied");
			expect((await world.job(job)).state).toBe("completed");
		});

		it.each(["no-token-at-all", "A".repeat(43)])("at the forged token %s counts as one at the account's address", async (token) => {
			const { job, providerJob } = await accepted(world);
			const url = `${ACCOUNT_URL}/${token}`;
			expect(await told(world, hook(world, { url, providerJob, event: "job.completed" }))).toBe("200 applied");
			expect((await world.job(job)).state).toBe("completed");
			expect(await told(world, hook(world, { url, providerJob: "unknown", event: "job.completed" }))).toBe("200 orphan");
		});

		it("of a send that was not taken is late: only the current submission moves its job", async () => {
			let turnedAway = false;
			answerFor(world, "/txt2img", () => {
				if (turnedAway) return null;
				turnedAway = true;
				return answer(503);
			});
			const job = await submitted(world);
			await world.run();
			const [first] = await submissionsOf(world, job);
			const url = tokenUrl(world, first!.id);
			expect(await told(world, hook(world, { url, providerJob: "taken-after-all", event: "job.completed" }))).toBe("200 late");
			expect(await world.job(job)).toMatchObject({ state: "queued", revision: 0 });
			await world.pass(30_000);
			expect(await told(world, hook(world, { url, providerJob: "taken-after-all", event: "job.failed" }))).toBe("200 late");
			expect(await world.job(job)).toMatchObject({ state: "completed", revision: 2 });
			expect(await submissionsOf(world, job)).toMatchObject([
				{ state: "not_taken", providerJobId: null, nextAttemptAt: null },
				{ state: "accepted", nextAttemptAt: null },
			]);
		});

		it("at another provider's door is not found", async () => {
			const { providerJob } = await accepted(world);
			const response = await world.postHook(hook(world, { url: `${GATEWAY}/hooks/other`, providerJob, event: "job.completed" }));
			expect(response.status).toBe(404);
		});
	});
}
