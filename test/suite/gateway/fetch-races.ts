import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { Sweep } from "../../../src/sweep.ts";
import { openWorld, submitted, type World } from "../../support/world.ts";
import { cancelJob } from "./jobs-cancel.ts";
import { accepted, answerFor, eventsOf, holdAnswer, hook, meet, passAnswered, status, submissionsOf, told } from "./tools.ts";
import { done, EXAMPLES } from "./types-examples.ts";

const HOUR = 3_600_000;

export function fetchRaces(open: () => Promise<Db>): void {
	describe.each([
		["in order", false],
		["in reverse", true],
	])("two writers about a result that is text, written %s:", (_, laterFirst) => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
			world.holdHooks(true);
		});
		afterEach(() => world.close());

		it.each(["queued", "processing"])("two hooks of success about a %s job: one of them starts the fetch", async (state) => {
			const taken = await accepted(world, EXAMPLES["transcribe"]);
			if (state === "processing") await told(world, hook(world, { ...taken, event: "job.processing" }));
			const { first } = meet(world, laterFirst);
			const one = told(world, hook(world, { ...taken, event: "job.completed" }));
			await first;
			const answers = await Promise.all([one, told(world, hook(world, { ...taken, event: "job.completed" }))]);
			expect(answers).toEqual(laterFirst ? ["200 repeated", "200 applied"] : ["200 applied", "200 repeated"]);
			expect(await eventsOf(world, taken.job)).toEqual(["1 job.processing"]);
		});

		it("success and failure: the one that is written first stands", async () => {
			const taken = await accepted(world, EXAMPLES["transcribe"]);
			await told(world, hook(world, { ...taken, event: "job.processing" }));
			answerFor(world, "/request-status/", () => done("words"));
			const { first } = meet(world, laterFirst);
			const completed = told(world, hook(world, { ...taken, event: "job.completed" }));
			await first;
			const answers = await Promise.all([completed, told(world, hook(world, { ...taken, event: "job.failed" }))]);
			expect(answers).toEqual(laterFirst ? ["200 conflicting", "200 applied"] : ["200 applied", "200 conflicting"]);
			await world.run();
			expect((await world.job(taken.job)).state).toBe(laterFirst ? "failed" : "completed");
		});

		it("the deadline that gives a job up and success, which is told while the provider still answers that it runs", async () => {
			const taken = await accepted(world, EXAMPLES["transcribe"]);
			await told(world, hook(world, { ...taken, event: "job.processing" }));
			answerFor(world, "/request-status/", () => status("processing"));
			await world.pass(60_000);
			world.onRequest(() => null);
			await passAnswered(world, 24 * HOUR);
			const { arrive } = await holdAnswer(world, "/request-status/", () => status("processing"));
			const real = world.deps.http;
			world.deps.http = (request) => (request.url.includes("/request-status/") ? Promise.resolve(done("words")) : real(request));
			const { first } = meet(world, laterFirst);
			const hooked = told(world, hook(world, { ...taken, event: "job.completed" }));
			await first;
			expect([await arrive(), await hooked]).toEqual([undefined, laterFirst ? "200 conflicting" : "200 applied"]);
			await world.run();
			expect((await world.job(taken.job)).state).toBe(laterFirst ? "failed" : "completed");
		});

		it("the fetch and a cancel that forgets", async () => {
			const taken = await accepted(world, EXAMPLES["transcribe"]);
			await told(world, hook(world, { ...taken, event: "job.completed" }));
			answerFor(world, "/request-status/", () => done("words"));
			const work: (() => Promise<void>)[] = [];
			await new Sweep(world.deps).claim(1, (start) => void work.push(start));
			const { first } = meet(world, laterFirst);
			const fetching = work[0]!();
			await first;
			const [response] = await Promise.all([cancelJob(world, taken.job, "?forget=true"), fetching]);
			expect(response.status).toBe(laterFirst ? 200 : 409);
			await world.pass(HOUR);
			expect(await eventsOf(world, taken.job)).toEqual(["1 job.processing", laterFirst ? "2 job.canceled" : "2 job.completed"]);
			expect(await submissionsOf(world, taken.job)).toMatchObject([{ nextAttemptAt: null, claimId: null }]);
		});
	});

	describe("the result of a job", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		it("that is a file leads to a fresh link of the provider", async () => {
			const job = await submitted(world);
			await world.pass(5000);
			const first = await world.request(`/v1/jobs/${job}/result`);
			expect(first.status).toBe(302);
			world.jump(2 * HOUR);
			const later = await world.request(`/v1/jobs/${job}/result`);
			expect(later.status).toBe(302);
			expect(later.headers.get("location")).not.toBe(first.headers.get("location"));
			expect((await world.sandbox.app.request(later.headers.get("location")!)).headers.get("content-type")).toBe("image/png");
		});

		it("is 409 not_possible while it is not completed, and 404 for a job that is not there", async () => {
			const job = await submitted(world);
			const early = await world.request(`/v1/jobs/${job}/result`);
			expect([early.status, ((await early.json()) as { error: { code: string } }).error.code]).toEqual([409, "not_possible"]);
			expect((await world.request("/v1/jobs/job_019bc1112222733384445555666677ff/result")).status).toBe(404);
		});
	});
}
