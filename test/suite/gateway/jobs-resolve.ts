import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { Sweep } from "../../../src/sweep.ts";
import { answer, openWorld, submitted, type World } from "../../support/world.ts";
import { as, otherApp, post, refusalOf } from "./doors.ts";
import { ACCOUNT_URL, accepted, answerFor, eventsOf, holdAnswer, hook, meet, onAnswer, submissionsOf, tokenUrl, told } from "./tools.ts";

export const resolveJob = (world: World, job: string, resolution: object) =>
	post(world, `/v1/jobs/${job}/resolve`, JSON.stringify(resolution));

/** A job whose send reached the provider, and whose answer was lost. */
async function lost(world: World) {
	let providerJob = "";
	const real = world.deps.http;
	onAnswer(world, "/txt2img", (told) => {
		if (told.kind === "response") providerJob = (JSON.parse(told.body) as { data: { request_id: string } }).data.request_id;
		return answer(500);
	});
	const job = await submitted(world);
	await world.run();
	world.deps.http = real;
	const [submission] = await submissionsOf(world, job);
	return { job, providerJob, url: tokenUrl(world, submission!.id) };
}

export function resolves(open: () => Promise<Db>): void {
	describe("a send whose outcome is unknown, resolved", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
			world.holdHooks(true);
		});
		afterEach(() => world.close());

		it("with the id that was found is asked about at once, and ends as the provider says", async () => {
			const { job, providerJob } = await lost(world);
			await world.pass(5000);
			const response = await resolveJob(world, job, { action: "attach", provider_job_id: providerJob });
			expect([response.status, await response.json()]).toMatchObject([200, { id: job, state: "submitted" }]);
			await world.run();
			expect(await world.job(job)).toMatchObject({ state: "completed" });
			expect(await world.calls("txt2img")).toHaveLength(1);
			const [, submission] = await world.timeline(job);
			expect(submission).toMatchObject({ what: "accepted", provider_job_id: providerJob });
		});

		it("with the id joins the hooks that came for it", async () => {
			const { job, providerJob } = await lost(world);
			expect(await told(world, hook(world, { url: ACCOUNT_URL, providerJob, event: "job.completed" }))).toBe("200 orphan");
			await resolveJob(world, job, { action: "attach", provider_job_id: providerJob });
			expect(await world.job(job)).toMatchObject({ state: "completed" });
		});

		it("with the id of another job is refused, and changes nothing", async () => {
			const other = await accepted(world);
			const { job } = await lost(world);
			const response = await resolveJob(world, job, { action: "attach", provider_job_id: other.providerJob });
			expect(response.status).toBe(422);
			expect((await refusalOf(response)).details).toEqual([{ field: "provider_job_id", message: "belongs to another job" }]);
			expect((await submissionsOf(world, job))[0]).toMatchObject({ state: "unknown", providerJobId: null });
		});

		it("by resubmit is sent once more; a hook of the old send comes too late", async () => {
			const { job, providerJob, url } = await lost(world);
			expect((await resolveJob(world, job, { action: "resubmit" })).status).toBe(200);
			await world.run();
			expect(await submissionsOf(world, job)).toMatchObject([
				{ n: 1, state: "superseded", reason: "resubmitted", nextAttemptAt: null },
				{ n: 2, state: "accepted" },
			]);
			expect(await told(world, hook(world, { url, providerJob, event: "job.failed" }))).toBe("200 late");
			await world.pass(30_000);
			expect(await world.job(job)).toMatchObject({ state: "completed" });
			expect(await world.calls("txt2img")).toHaveLength(2);
		});

		it("by fail ends it as submission_unknown", async () => {
			const { job, providerJob, url } = await lost(world);
			const response = await resolveJob(world, job, { action: "fail" });
			expect([response.status, await response.json()]).toMatchObject([200, { state: "failed", error: { code: "submission_unknown" } }]);
			expect(await told(world, hook(world, { url, providerJob, event: "job.completed" }))).toBe("200 conflicting");
			await world.pass(86_400_000);
			expect(await eventsOf(world, job)).toEqual(["1 job.failed"]);
		});

		it("is 409 where nothing is unknown, or the job has ended", async () => {
			const waiting = await submitted(world);
			const taken = await accepted(world);
			const ended = await accepted(world);
			await told(world, hook(world, { ...ended, event: "job.failed" }));
			for (const action of [{ action: "attach", provider_job_id: "p-1" }, { action: "resubmit" }, { action: "fail" }]) {
				for (const [job, code] of [
					[taken.job, "not_possible"],
					[ended.job, "already_ended"],
				] as const) {
					const response = await resolveJob(world, job, action);
					expect([response.status, (await refusalOf(response)).code]).toEqual([409, code]);
				}
			}
			expect((await submissionsOf(world, waiting)).length).toBe(1);
		});

		it.each([
			[{}, "action"],
			[{ action: "guess" }, "action"],
			[{ action: "attach" }, "provider_job_id"],
			[{ action: "attach", provider_job_id: "" }, "provider_job_id"],
			[{ action: "attach", provider_job_id: "x".repeat(256) }, "provider_job_id"],
			[{ action: "fail", provider_job_id: "p-1" }, "provider_job_id"],
		])("by %j is refused by the name of the field", async (resolution, field) => {
			const { job } = await lost(world);
			const response = await resolveJob(world, job, resolution);
			expect(response.status).toBe(422);
			expect((await refusalOf(response)).details).toEqual([{ field, message: expect.any(String) }]);
		});

		it("is for its own app alone", async () => {
			const { job } = await lost(world);
			const { key } = await otherApp(world);
			expect((await post(world, `/v1/jobs/${job}/resolve`, '{"action":"fail"}', as(key))).status).toBe(404);
			expect((await world.job(job)).state).toBe("queued");
		});

		it("by itself with ON_UNKNOWN=resubmit, after a minute for its hook, and at most twice", async () => {
			await world.close();
			world = await openWorld(await open(), { env: { ON_UNKNOWN: "resubmit" } });
			world.holdHooks(true);
			const sends = answerFor(world, "/txt2img", () => answer(500));
			const began = world.now();
			const job = await submitted(world);
			await world.pass(3_600_000);
			expect(sends.at.map((at) => at - began)).toEqual([0, 60_000, 120_000]);
			expect((await submissionsOf(world, job)).map(({ state }) => state)).toEqual(["superseded", "superseded", "unknown"]);
			await world.pass(86_400_000);
			expect(await world.job(job)).toMatchObject({ state: "failed", error: { code: "submission_unknown" } });
			expect(sends.at).toHaveLength(3);
		});

		it("is not sent again by itself with ON_UNKNOWN=resubmit when its hook came within the minute", async () => {
			await world.close();
			world = await openWorld(await open(), { env: { ON_UNKNOWN: "resubmit" } });
			world.holdHooks(true);
			const { job, providerJob, url } = await lost(world);
			await world.pass(59_000);
			await told(world, hook(world, { url, providerJob, event: "job.processing" }));
			await world.pass(120_000);
			expect(await world.calls("txt2img")).toHaveLength(1);
			expect(await world.job(job)).toMatchObject({ state: "completed" });
		});
	});

	describe.each([
		["in order", false],
		["in reverse", true],
	])("a resolution that meets another writer, written %s:", (_, laterFirst) => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
			world.holdHooks(true);
		});
		afterEach(() => world.close());

		it.each(["resubmit", "fail"])("%s and the hook that completes it", async (action) => {
			const { job, providerJob, url } = await lost(world);
			const { first } = meet(world, laterFirst);
			const resolving = resolveJob(world, job, { action });
			await first;
			const [response, outcome] = await Promise.all([resolving, told(world, hook(world, { url, providerJob, event: "job.completed" }))]);
			const verdict = action === "fail" ? "200 conflicting" : "200 late";
			expect([response.status, outcome]).toEqual(laterFirst ? [409, "200 applied"] : [200, verdict]);
			await world.pass(60_000);
			expect((await world.job(job)).state).toBe(action === "fail" && !laterFirst ? "failed" : "completed");
			expect(await world.calls("txt2img")).toHaveLength(action === "resubmit" && !laterFirst ? 2 : 1);
		});

		it("two resubmits: one more send", async () => {
			const { job } = await lost(world);
			const { first } = meet(world, laterFirst);
			const one = resolveJob(world, job, { action: "resubmit" });
			await first;
			const answers = await Promise.all([one, resolveJob(world, job, { action: "resubmit" })]);
			expect(answers.map(({ status }) => status)).toEqual(laterFirst ? [409, 200] : [200, 409]);
			await world.run();
			expect((await submissionsOf(world, job)).map(({ n }) => n)).toEqual([1, 2]);
		});

		it("a resubmit and the slow answer that brings the id", async () => {
			const job = await submitted(world);
			const { arrive } = await holdAnswer(world, "/txt2img");
			world.jump(86_000);
			const other = await post(world, `/v1/jobs/${job}/resolve`, '{"action":"resubmit"}');
			expect(other.status).toBe(409); // still being sent, as far as anyone knows
			await new Sweep(world.deps).tend();
			const { first } = meet(world, laterFirst);
			const resolving = resolveJob(world, job, { action: "resubmit" });
			await first;
			const [response] = await Promise.all([resolving, arrive()]);
			expect(response.status).toBe(laterFirst ? 409 : 200);
			expect((await submissionsOf(world, job)).map(({ state }) => state)).toEqual(
				laterFirst ? ["accepted"] : ["superseded", expect.any(String)],
			);
			await world.pass(60_000);
			expect((await world.job(job)).state).toBe("completed");
		});
	});
}
