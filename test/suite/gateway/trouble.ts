import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { answer, openWorld, submitted, type World } from "../../support/world.ts";
import { answerFor, eventsOf, laneOf, submissionsOf } from "./tools.ts";

export function trouble(open: () => Promise<Db>): void {
	describe("trouble with the account", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		it.each([
			["http_401", answer(401, {}, '{"message":"Unauthenticated."}')],
			["http_302", answer(302, { location: "https://elsewhere.test/" })],
			["http_403", answer(403, {}, '{"message":"Your account has been suspended."}')],
			["insufficient_balance", answer(422, {}, '{"message":"Not enough balance.","errors":{"balance":["Not enough balance."]}}')],
		])("(%s) pauses its lane for 30 s, doubling, and fails no job", async (reason, refusal) => {
			const calls = answerFor(world, "/txt2img", () => refusal);
			const job = await submitted(world);
			const began = world.now();
			await world.run();
			expect(await laneOf(world, "txt2img")).toEqual({ notBefore: began + 30_000, strikes: 1, reason });
			await world.pass(500_000);
			expect(calls.at.map((at) => at - began)).toEqual([0, 30_000, 90_000, 210_000, 450_000]);
			expect(await world.job(job)).toMatchObject({ state: "queued", revision: 0, error: null });
			expect((await submissionsOf(world, job)).at(-2)).toMatchObject({ state: "not_taken", reason, nextAttemptAt: null });
			expect(world.lines.filter(({ level, what }) => level === "warn" && what === "submission.finished")).toHaveLength(5);
		});

		it("is over when the operator has paid: what waited is sent, and the next trouble starts at 30 s again", async () => {
			await world.knobs({ balance: 0 });
			const jobs = [await submitted(world), await submitted(world)];
			await world.pass(100_000);
			expect((await laneOf(world, "txt2img")).strikes).toBe(3);
			await world.knobs({ balance: 100 });
			await world.pass(200_000);
			for (const job of jobs) expect((await world.job(job)).state).toBe("completed");
			expect(await laneOf(world, "txt2img")).toMatchObject({ strikes: 0, reason: null });
		});

		it("that ten sends meet at once counts once", async () => {
			answerFor(world, "/txt2img", () => answer(401));
			for (let i = 0; i < 10; i++) await submitted(world);
			await world.run();
			expect(await laneOf(world, "txt2img")).toMatchObject({ strikes: 1, notBefore: world.now() + 30_000 });
		});

		it("keeps what is submitted meanwhile from being sent", async () => {
			const calls = answerFor(world, "/txt2img", () => answer(403));
			await submitted(world);
			await world.run();
			await submitted(world);
			await world.pass(29_999);
			expect(calls.at).toHaveLength(1);
		});

		it("that outlasts 72 hours ends the job as not dispatched, once", async () => {
			answerFor(world, "/txt2img", () => answer(401));
			const job = await submitted(world);
			await world.run();
			world.jump(72 * 3_600_000 - 20_000);
			await world.run();
			await world.pass(3_600_000);
			expect(await world.job(job)).toMatchObject({ state: "failed", error: { code: "not_dispatched" } });
			expect(await eventsOf(world, job)).toEqual(["1 job.failed"]);
			expect(world.callbacks.map(({ headers }) => headers["x-deapi-event"])).toEqual(["job.failed"]);
		});
	});
}
