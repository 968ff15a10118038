import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { answer, broken, openWorld, submitted, type World } from "../../support/world.ts";
import { accepted, answerFor, eventsOf, holdAnswer, hook, laneOf, receipts, status, submissionsOf, told } from "./tools.ts";

const HOUR = 3_600_000;

export function poll(open: () => Promise<Db>): void {
	describe("asking the provider", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		it("alone brings the news where the provider cannot post to us, and no hook address is sent", async () => {
			await world.close();
			world = await openWorld(await open(), { env: { PUBLIC_URL: "http://gateway.test" } });
			const job = await submitted(world);
			await world.pass(10_000);
			const [call] = (await world.calls("txt2img")) as unknown as { body: Record<string, unknown> }[];
			expect(call!.body).not.toHaveProperty("webhook_url");
			expect(await world.job(job)).toMatchObject({ state: "completed" });
			expect((await receipts(world)).map(({ source }) => source)).not.toContain("hook");
			expect(world.callbacks.at(-1)!.headers["x-deapi-event"]).toBe("job.completed");
		});

		it.each([
			[0, "completed", null],
			[1, "failed", "provider_failed"],
		])("brings the end of a job whose hooks are all lost (%i to fail: %s), and stops then", async (failNext, state, code) => {
			await world.knobs({ hooks: { dropNext: 10 }, jobs: { failNext } });
			const job = await submitted(world);
			await world.pass(30_000);
			expect((await world.job(job)).state).toBe(state);
			expect((await world.job(job)).error?.code ?? null).toBe(code);
			expect(await eventsOf(world, job)).toEqual([`1 job.${state}`]);
			await world.pass(24 * HOUR);
			expect(await world.calls("request-status")).toHaveLength(1);
			expect(await submissionsOf(world, job)).toMatchObject([{ nextAttemptAt: null, claimId: null }]);
		});

		it("comes after 30 s, 45 s, 60 s and then every minute, until a hook ends the job", async () => {
			const asked = answerFor(world, "/request-status/", () => status("processing"));
			const taken = await accepted(world);
			world.holdHooks(true);
			const began = world.now();
			await world.pass(260_000);
			expect(asked.at.map((at) => at - began)).toEqual([30_000, 75_000, 135_000, 195_000, 255_000]);
			expect(await eventsOf(world, taken.job)).toEqual(["1 job.processing"]);
			await told(world, hook(world, { ...taken, event: "job.completed" }));
			await world.pass(24 * HOUR);
			expect(asked.at).toHaveLength(5);
		});

		it.each(["before", "after"])("in the same instant as the hook, its answer read %s it, makes one event", async (order) => {
			const taken = await accepted(world);
			world.holdHooks(true);
			await world.pass(29_999);
			world.jump(1);
			const { arrive } = await holdAnswer(world, "/request-status/");
			const hooked = () => told(world, hook(world, { ...taken, event: "job.completed" }));
			if (order === "after") expect(await hooked()).toBe("200 applied");
			await arrive();
			if (order === "before") expect(await hooked()).toBe("200 late");
			expect(await eventsOf(world, taken.job)).toEqual(["1 job.completed"]);
			expect((await receipts(world)).map(({ outcome }) => outcome).toSorted()).toEqual(["applied", "late"]);
			await world.pass(HOUR);
			expect(await world.calls("request-status")).toHaveLength(1);
			expect(world.callbacks).toHaveLength(1);
		});

		it("at once with the hook, neither waiting for the other, makes one event", async () => {
			const taken = await accepted(world);
			world.holdHooks(true);
			await world.pass(29_999);
			world.jump(1);
			await Promise.all([world.run(), told(world, hook(world, { ...taken, event: "job.completed" })), world.run()]);
			await world.run();
			expect(await eventsOf(world, taken.job)).toEqual(["1 job.completed"]);
			expect(world.callbacks).toHaveLength(1);
		});

		it.each([
			["in_progress", "processing"],
			["RUNNING", "processing"],
			["COMPLETED", "completed"],
			["success", "completed"],
			["failed", "failed"],
			["queued", "submitted"],
		])("understands %s, as other versions of the provider say it, as %s", async (word, state) => {
			answerFor(world, "/request-status/", () => status(word, "https://storage.deapi.ai/r/a.png"));
			const { job } = await accepted(world);
			world.holdHooks(true);
			await world.pass(30_000);
			expect((await world.job(job)).state).toBe(state);
		});

		it("does not take done without a link for the end", async () => {
			let url: string | null = null;
			answerFor(world, "/request-status/", () => status("done", url));
			const { job } = await accepted(world);
			world.holdHooks(true);
			await world.pass(100_000);
			expect((await world.job(job)).state).toBe("processing");
			url = "https://storage.deapi.ai/r/a.png";
			await world.pass(60_000);
			expect((await world.job(job)).state).toBe("completed");
		});

		it.each(["dissolved", "", "DONE?", "cancelled"])("never ends a job over a word it does not know: %j", async (word) => {
			answerFor(world, "/request-status/", () => status(word, "https://storage.deapi.ai/r/a.png"));
			const { job } = await accepted(world);
			world.holdHooks(true);
			await world.pass(300_000);
			expect(await world.job(job)).toMatchObject({ state: "submitted", revision: 0 });
		});

		it.each([
			["timeout", broken("timeout", false)],
			["connect_failed", broken("connect_failed", true)],
			["http_500", answer(500)],
			["http_502", answer(502, {}, "<html>")],
			["http_422", answer(422, {}, '{"message":"no"}')],
			["unreadable_answer", answer(200, {}, "<html>maintenance</html>")],
			["unreadable_answer", answer(200, {}, '{"data":null}')],
		])("never fails a job by failing itself (%s): the next answer counts", async (reason, failure) => {
			let healed = false;
			answerFor(world, "/request-status/", () => (healed ? null : failure));
			const { job } = await accepted(world);
			world.holdHooks(true);
			await world.pass(300_000);
			expect(await submissionsOf(world, job)).toMatchObject([{ state: "accepted", reason }]);
			expect((await world.job(job)).state).toBe("submitted");
			healed = true;
			await world.pass(60_000);
			expect((await world.job(job)).state).toBe("completed");
		});

		it("goes on after the process died while asking", async () => {
			const { job } = await accepted(world);
			world.holdHooks(true);
			world.jump(30_000);
			await world.claimAndDie();
			world.restart();
			await world.pass(85_000);
			expect((await world.job(job)).state).toBe("completed");
		});

		it("waits as long as Retry-After says, for every job of the account", async () => {
			world.holdHooks(true);
			const first = await accepted(world);
			world.jump(1000);
			const second = await accepted(world);
			await world.knobs({ calls: [{ call: "request-status", status: 429, retryAfter: 300 }] });
			await world.pass(29_000);
			const until = world.now() + 300_000;
			expect(await laneOf(world, "status")).toMatchObject({ notBefore: until, reason: "http_429" });
			await world.pass(299_999);
			expect(await world.calls("request-status")).toHaveLength(1);
			await world.pass(1);
			expect(await world.calls("request-status")).toHaveLength(3);
			for (const { job } of [first, second]) expect((await world.job(job)).state).toBe("completed");
		});

		it("pauses while the account is in trouble, and asks again when that is over", async () => {
			world.holdHooks(true);
			const { job } = await accepted(world);
			await world.knobs({ calls: [{ call: "request-status", status: 401, times: 2 }] });
			await world.pass(30_000);
			expect(await laneOf(world, "status")).toEqual({ notBefore: world.now() + 30_000, strikes: 1, reason: "http_401" });
			await world.pass(300_000);
			expect((await world.job(job)).state).toBe("completed");
			expect(await laneOf(world, "status")).toMatchObject({ strikes: 0 });
		});
	});
}
