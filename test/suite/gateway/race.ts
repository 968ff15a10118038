import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { joinOrphans } from "../../../src/jobs/orphans.ts";
import { joinableOrphans, orphansOf } from "../../../src/jobs/sql/orphans.ts";
import { Sweep } from "../../../src/sweep.ts";
import { answer, openWorld, submitted, type World } from "../../support/world.ts";
import {
	ACCOUNT_URL,
	accepted,
	answerFor,
	blindTo,
	deliveriesOf,
	eventsOf,
	holdAnswer,
	hook,
	meet,
	status,
	submissionsOf,
	tokenUrl,
	told,
} from "./tools.ts";

export function race(open: () => Promise<Db>): void {
	describe.each([
		["in order", false],
		["in reverse", true],
	])("two writers who decided on the same state of a job, written %s:", (_, laterFirst) => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
			world.holdHooks(true);
		});
		afterEach(() => world.close());
		const end = (taken: { url: string; providerJob: string }, event = "job.completed") => told(world, hook(world, { ...taken, event }));

		it("two hooks that contradict each other", async () => {
			const taken = await accepted(world);
			const { first } = meet(world, laterFirst);
			const completed = end(taken, "job.completed");
			await first;
			const answers = await Promise.all([completed, end(taken, "job.failed")]);
			expect(answers).toEqual(laterFirst ? ["200 conflicting", "200 applied"] : ["200 applied", "200 conflicting"]);
			expect(await eventsOf(world, taken.job)).toEqual([laterFirst ? "1 job.failed" : "1 job.completed"]);
			expect(await deliveriesOf(world, taken.job)).toHaveLength(1);
		});

		it("two copies of a hook", async () => {
			const taken = await accepted(world);
			const copy = hook(world, { ...taken, event: "job.completed" });
			meet(world, laterFirst);
			const answers = await Promise.all([told(world, copy), told(world, copy)]);
			expect(answers.toSorted()).toEqual(["200 applied", "200 duplicate"]);
		});

		it("a processing and a completed hook", async () => {
			const taken = await accepted(world);
			const { first } = meet(world, laterFirst);
			const processing = end(taken, "job.processing");
			await first;
			const answers = await Promise.all([processing, end(taken)]);
			expect(answers).toEqual([laterFirst ? "200 late" : "200 applied", "200 applied"]);
			expect(await eventsOf(world, taken.job)).toEqual(laterFirst ? ["1 job.completed"] : ["1 job.processing", "2 job.completed"]);
		});

		it("the answer to the send and the hook at its token", async () => {
			const job = await submitted(world);
			const { arrive } = await holdAnswer(world, "/txt2img");
			await world.pass(400);
			const { url, body } = world.held[0]!;
			const { data } = JSON.parse(body) as { data: { job_request_id: string } };
			const { first } = meet(world, laterFirst);
			const hooked = end({ url, providerJob: data.job_request_id });
			await first;
			await arrive();
			expect(await hooked).toBe("200 applied");
			expect(await world.job(job)).toMatchObject({ state: "completed", revision: 1 });
			expect(await submissionsOf(world, job)).toMatchObject([{ state: "accepted", providerJobId: data.job_request_id }]);
			await world.pass(3_600_000);
			expect(await world.calls("request-status")).toHaveLength(0);
			expect(await world.calls("txt2img")).toHaveLength(1);
		});

		it.each([422, 429, 500])("an answer %i to the send and the hook at its token", async (code) => {
			const job = await submitted(world);
			const { arrive } = await holdAnswer(world, "/txt2img", () => answer(code, {}, '{"message":"no"}'));
			const [submission] = await submissionsOf(world, job);
			const { first } = meet(world, laterFirst);
			const hooked = end({ url: tokenUrl(world, submission!.id), providerJob: "p-1" });
			await first;
			await Promise.all([arrive(), hooked]);
			await world.pass(3_600_000);
			// 429 written first: that send counts as not taken, and only the next one may move the job
			const ends = (await eventsOf(world, job)).filter((event) => !event.endsWith("job.processing"));
			expect(ends).toHaveLength(1);
			expect((await submissionsOf(world, job)).every(({ nextAttemptAt }) => nextAttemptAt === null)).toBe(true);
		});

		it("two hooks that bring one id to two submissions that have none", async () => {
			const jobs = [await submitted(world), await submitted(world)];
			await world.claimAndDie();
			const urls = await Promise.all(jobs.map(async (job) => tokenUrl(world, (await submissionsOf(world, job))[0]!.id)));
			const { first } = meet(world, laterFirst);
			const one = end({ url: urls[0]!, providerJob: "p-1" });
			await first;
			const answers = await Promise.all([one, end({ url: urls[1]!, providerJob: "p-1" })]);
			expect(answers).toEqual(laterFirst ? ["200 mismatched", "200 applied"] : ["200 applied", "200 mismatched"]);
			const states = await Promise.all(jobs.map(async (job) => (await world.job(job)).state));
			expect(states).toEqual(laterFirst ? ["queued", "completed"] : ["completed", "queued"]);
		});

		it("a poll and a hook that say the same", async () => {
			const taken = await accepted(world);
			await world.pass(29_999);
			world.jump(1);
			const { arrive } = await holdAnswer(world, "/request-status/");
			const { first } = meet(world, laterFirst);
			const hooked = end(taken);
			await first;
			await Promise.all([arrive(), hooked]);
			expect(await eventsOf(world, taken.job)).toEqual(["1 job.completed"]);
			expect(await deliveriesOf(world, taken.job)).toHaveLength(1);
		});

		it("the deadline that gives a job up and its hook", async () => {
			const taken = await accepted(world);
			answerFor(world, "/request-status/", () => status("processing"));
			await world.pass(30_000);
			world.jump(24 * 3_600_000);
			const { arrive } = await holdAnswer(world, "/request-status/");
			const { first } = meet(world, laterFirst);
			const hooked = end(taken);
			await first;
			await Promise.all([arrive(), hooked]);
			const { state } = await world.job(taken.job);
			expect(await eventsOf(world, taken.job)).toEqual(["1 job.processing", `2 job.${state}`]);
			expect(["completed", "failed"]).toContain(state);
		});

		it("the deadline that gives up an unknown send and the slow answer that brings its id", async () => {
			const job = await submitted(world);
			const { arrive } = await holdAnswer(world, "/txt2img");
			world.jump(24 * 3_600_000);
			const work: (() => Promise<void>)[] = [];
			const other = new Sweep(world.deps);
			await other.tend();
			await other.claim(1, (start) => void work.push(start));
			const { first } = meet(world, laterFirst);
			const givingUp = work[0]!();
			await first;
			await Promise.all([arrive(), givingUp]);
			expect((await world.job(job)).state).toBe(laterFirst ? "submitted" : "failed");
			await world.pass(60_000);
			expect((await world.job(job)).state).toBe(laterFirst ? "completed" : "failed");
			expect((await submissionsOf(world, job))[0]).toMatchObject({ n: 1, state: "accepted", nextAttemptAt: null });
		});

		it("two processes that join the same orphan", async () => {
			const job = await submitted(world);
			const { arrive } = await holdAnswer(world, "/txt2img");
			await world.pass(5000);
			for (const post of world.held) await told(world, { ...post, url: ACCOUNT_URL });
			const see = [blindTo(world, orphansOf), blindTo(world, joinableOrphans)];
			await arrive();
			for (const again of see.toReversed()) again();
			meet(world, laterFirst);
			await Promise.all([joinOrphans(world.deps), joinOrphans(world.deps)]);
			expect(await world.job(job)).toMatchObject({ state: "completed" });
			expect(new Set(await eventsOf(world, job)).size).toBe((await eventsOf(world, job)).length);
		});
	});
}
