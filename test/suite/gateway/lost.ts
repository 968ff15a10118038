import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { answer, broken, openWorld, type World } from "../../support/world.ts";
import { accepted, answerFor, eventsOf, passAnswered, status, submissionsOf } from "./tools.ts";

const HOUR = 3_600_000;

export function lost(open: () => Promise<Db>): void {
	describe("a job that the provider has lost or never ends", () => {
		let world: World;
		let taken: Awaited<ReturnType<typeof accepted>>;
		beforeEach(async () => {
			world = await openWorld(await open());
			world.holdHooks(true);
			taken = await accepted(world);
		});
		afterEach(() => world.close());

		it("fails as lost when it is not found three times over ten minutes, and not before", async () => {
			const asked = answerFor(world, "/request-status/", () => answer(404));
			const first = world.now() + 30_000;
			await world.pass(30_000 + 600_000 - 1);
			expect((await world.job(taken.job)).state).toBe("submitted");
			await world.pass(60_000);
			expect(await world.job(taken.job)).toMatchObject({ state: "failed", revision: 1, error: { code: "provider_lost" } });
			expect(asked.at.at(-1)! - first).toBeGreaterThanOrEqual(600_000);
			const polls = asked.at.length;
			await world.pass(HOUR);
			expect(asked.at).toHaveLength(polls);
		});

		it("is not lost by two answers, however far apart", async () => {
			answerFor(world, "/request-status/", () => answer(404));
			await world.pass(30_000);
			world.jump(2 * HOUR);
			await world.run();
			expect(await submissionsOf(world, taken.job)).toMatchObject([{ missing: 2, state: "accepted" }]);
			expect((await world.job(taken.job)).state).toBe("submitted");
		});

		it("is found again when one answer in between knows it", async () => {
			let found = false;
			answerFor(world, "/request-status/", () => (found ? status("pending") : answer(404)));
			await world.pass(600_000);
			found = true;
			await world.pass(60_000);
			found = false;
			await world.pass(540_000);
			expect((await world.job(taken.job)).state).toBe("submitted");
		});

		it("fails as timed out at the first poll after 24 hours that says it still runs", async () => {
			const asked = answerFor(world, "/request-status/", () => status("processing"));
			await world.pass(30_000);
			await passAnswered(world, 24 * HOUR - 60_000);
			await world.run();
			expect((await world.job(taken.job)).state).toBe("processing");
			await world.pass(60_001);
			expect(await world.job(taken.job)).toMatchObject({ state: "failed", revision: 2, error: { code: "provider_timeout" } });
			const polls = asked.at.length;
			await world.pass(HOUR);
			expect(asked.at).toHaveLength(polls);
			expect(await eventsOf(world, taken.job)).toEqual(["1 job.processing", "2 job.failed"]);
		});

		it("is not timed out by a time in which nobody asked", async () => {
			let word = "processing";
			answerFor(world, "/request-status/", () => status(word, word === "done" ? "https://storage.deapi.ai/r/a.png" : null));
			await world.pass(30_000);
			world.jump(48 * HOUR);
			await world.pass(60_000);
			expect((await world.job(taken.job)).state).toBe("processing");
			word = "done";
			await world.pass(60_000);
			expect((await world.job(taken.job)).state).toBe("completed");
		});

		it("fails as timed out two weeks after its deadline, however seldom it may be asked about", async () => {
			const left = { "x-ratelimit-daily-remaining": "0" };
			answerFor(world, "/request-status/", () => ({ ...status("processing"), headers: left }) as ReturnType<typeof status>);
			await world.pass(14 * 24 * HOUR);
			expect((await world.job(taken.job)).state).toBe("processing");
			await world.pass(2 * 24 * HOUR);
			expect(await world.job(taken.job)).toMatchObject({ state: "failed", error: { code: "provider_timeout" } });
		});

		it("keeps no other job waiting by a Retry-After of its own error", async () => {
			const asked: string[] = [];
			world.onRequest(({ url }) => {
				if (!url.includes("/request-status/")) return null;
				asked.push(url);
				return asked.length === 1 ? answer(500, { "retry-after": "86400" }) : null;
			});
			await world.pass(30_000);
			const other = await accepted(world);
			await world.pass(60_000);
			expect((await world.job(other.job)).state).toBe("completed");
			expect((await world.job(taken.job)).state).toBe("submitted");
		});

		it("is not timed out while the provider cannot be asked", async () => {
			let down = true;
			answerFor(world, "/request-status/", () => (down ? broken("connect_failed", true) : null));
			await world.pass(30_000);
			world.jump(48 * HOUR);
			await world.run();
			expect((await world.job(taken.job)).state).toBe("submitted");
			down = false;
			await world.pass(60_000);
			expect((await world.job(taken.job)).state).toBe("completed");
		});
	});
}
