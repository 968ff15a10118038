import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HttpAnswer } from "../../../src/core/http.ts";
import type { Db } from "../../../src/db/db.ts";
import { answer, broken, openWorld, submitted, type World } from "../../support/world.ts";
import { answerFor, edgeError, eventsOf, holdAnswer, hook, onAnswer, submissionsOf, told } from "./tools.ts";

const HOUR = 3_600_000;
const id = (request_id: unknown) => JSON.stringify({ data: { request_id } });

export function unknown(open: () => Promise<Db>): void {
	describe("a send whose outcome is not certain", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		it.each<[string, HttpAnswer]>([
			["http_500", answer(500, {}, '{"message":"Server Error"}')],
			["http_502", answer(502, {}, "<html>bad gateway</html>")],
			["http_504", answer(504)],
			["http_409", answer(409)],
			...[520, 522, 524].map((status): [string, HttpAnswer] => [`http_${status}`, edgeError(status)]),
			["http_530", edgeError(530, 1033)],
			["http_521", answer(521, {}, '{"message":"not the edge itself"}')],
			["timeout", broken("timeout", false)],
			["connection_lost", broken("connection_lost", false)],
			["no_id_in_answer", answer(200, {}, "{}")],
			["no_id_in_answer", answer(200, {}, id(""))],
			["no_id_in_answer", answer(200, {}, id(7))],
			["no_id_in_answer", answer(204)],
		])("(%s) is never sent again by itself, and fails as unknown after 24 hours", async (reason, failure) => {
			const calls = answerFor(world, "/txt2img", () => failure);
			const job = await submitted(world);
			const began = world.now();
			await world.run();
			expect(await submissionsOf(world, job)).toMatchObject([{ state: "unknown", reason, nextAttemptAt: began + 24 * HOUR }]);
			await world.pass(24 * HOUR - 1);
			expect(await world.job(job)).toMatchObject({ state: "queued", revision: 0 });
			await world.pass(1);
			expect(await world.job(job)).toMatchObject({ state: "failed", revision: 1, error: { code: "submission_unknown" } });
			await world.pass(72 * HOUR);
			expect(calls.at).toEqual([began]);
			expect(await world.calls("request-status")).toHaveLength(0);
			expect(await eventsOf(world, job)).toEqual(["1 job.failed"]);
			expect(await submissionsOf(world, job)).toMatchObject([{ n: 1, state: "unknown", nextAttemptAt: null }]);
		});

		it("is Cloudflare's own 521, too, where we wait so long that it may have tried another origin before", async () => {
			await world.close();
			world = await openWorld(await open(), { env: { PROVIDER_DEADLINE_MS: "90000" } });
			answerFor(world, "/txt2img", () => edgeError(521));
			const job = await submitted(world);
			await world.run();
			expect(await submissionsOf(world, job)).toMatchObject([{ state: "unknown", reason: "http_521" }]);
		});

		it("is ended by the hook at its token, which brings the id", async () => {
			await world.knobs({ calls: [{ call: "txt2img", createFirst: true, status: 502 }] });
			const job = await submitted(world);
			await world.run();
			expect(await submissionsOf(world, job)).toMatchObject([{ state: "unknown", providerJobId: null }]);
			await world.pass(5000);
			expect(await world.job(job)).toMatchObject({ state: "completed", revision: 2 });
			const [submission] = await submissionsOf(world, job);
			expect(submission).toMatchObject({ state: "accepted", nextAttemptAt: null });
			expect(submission!.providerJobId).not.toBe(null);
			expect(await world.calls("txt2img")).toHaveLength(1);
		});

		it("is polled to its end once one hook has brought the id, though all others are lost", async () => {
			onAnswer(world, "/txt2img", () => broken("timeout", false));
			await world.knobs({ hooks: { dropEvents: ["job.completed"] } });
			const job = await submitted(world);
			await world.pass(60_000);
			expect(await world.job(job)).toMatchObject({ state: "completed", revision: 2 });
			expect(await world.calls("request-status")).toHaveLength(1);
			expect(await world.calls("txt2img")).toHaveLength(1);
		});

		it("stays failed when its hook comes after all: the end was told, and what the provider says is kept as conflicting", async () => {
			world.holdHooks(true);
			await world.knobs({ calls: [{ call: "txt2img", createFirst: true, status: 500 }] });
			const job = await submitted(world);
			await world.pass(24 * HOUR);
			expect((await world.job(job)).error?.code).toBe("submission_unknown");
			const { url, body } = world.held.at(-1)!;
			const { data } = JSON.parse(body) as { data: { job_request_id: string } };
			expect(await told(world, hook(world, { url, providerJob: data.job_request_id, event: "job.completed" }))).toBe("200 conflicting");
			expect(await world.job(job)).toMatchObject({ state: "failed", revision: 1 });
		});

		it("because the process died while sending is noticed when the lease runs out, and not repeated", async () => {
			const job = await submitted(world);
			const began = world.now();
			await world.claimAndDie();
			world.restart();
			expect(await submissionsOf(world, job)).toMatchObject([{ state: "sending", sentAt: began, nextAttemptAt: began + 85_000 }]);
			await world.pass(84_999);
			expect(await submissionsOf(world, job)).toMatchObject([{ state: "sending" }]);
			await world.pass(1);
			expect(await submissionsOf(world, job)).toMatchObject([
				{ state: "unknown", reason: "interrupted", nextAttemptAt: began + 24 * HOUR },
			]);
			await world.pass(24 * HOUR);
			expect(await world.job(job)).toMatchObject({ state: "failed", error: { code: "submission_unknown" } });
			expect(await world.calls("txt2img")).toHaveLength(0);
		});

		it("because the process died with the answer in its hands is not repeated, and its hook still ends it", async () => {
			const real = world.deps.db;
			const job = await submitted(world);
			const { arrive } = await holdAnswer(world, "/txt2img");
			world.deps.db = { ...real, batch: () => new Promise(() => {}) };
			void arrive();
			await world.settle();
			world.deps.db = real;
			world.restart();
			await world.pass(600_000);
			expect(await world.job(job)).toMatchObject({ state: "completed", revision: 2 });
			expect(await world.calls("txt2img")).toHaveLength(1);
		});
	});

	describe("a sender that is slower than its lease", () => {
		let world: World;
		let job: string;
		beforeEach(async () => {
			world = await openWorld(await open());
			world.holdHooks(true);
			job = await submitted(world);
		});
		afterEach(() => world.close());

		async function slowly(spoil?: (taken: HttpAnswer) => HttpAnswer): Promise<() => Promise<void>> {
			const { arrive } = await holdAnswer(world, "/txt2img", spoil);
			world.jump(90_000);
			await world.run();
			expect(await submissionsOf(world, job)).toMatchObject([{ state: "unknown", reason: "interrupted" }]);
			return arrive;
		}

		it("still hands in the id, and the job goes on", async () => {
			const theAnswerArrives = await slowly();
			await theAnswerArrives();
			expect((await world.job(job)).state).toBe("submitted");
			expect(await submissionsOf(world, job)).toMatchObject([{ state: "accepted", reason: null, nextAttemptAt: world.now() + 30_000 }]);
			await world.pass(31_000);
			expect((await world.job(job)).state).toBe("completed");
			expect(await world.calls("txt2img")).toHaveLength(1);
		});

		it("brings the id too late for a job that has failed meanwhile: the end stands and nobody is asked", async () => {
			const theAnswerArrives = await slowly();
			world.jump(24 * HOUR);
			await world.run();
			expect(await world.job(job)).toMatchObject({ state: "failed", error: { code: "submission_unknown" } });
			await theAnswerArrives();
			await world.pass(HOUR);
			expect(await world.job(job)).toMatchObject({ state: "failed", revision: 1 });
			expect(await submissionsOf(world, job)).toMatchObject([{ state: "accepted", nextAttemptAt: null, claimId: null }]);
			expect(await world.calls("request-status")).toHaveLength(0);
		});

		it("is believed when it brings a refusal: the job fails with the provider's own words", async () => {
			const theAnswerArrives = await slowly(() => answer(422, {}, '{"message":"no"}'));
			await theAnswerArrives();
			expect(await submissionsOf(world, job)).toMatchObject([{ n: 1, state: "refused", nextAttemptAt: null }]);
			expect(await world.job(job)).toMatchObject({ state: "failed", error: { code: "provider_refused", message: "no" } });
		});

		it("is believed when it was certainly not taken: the job is sent again", async () => {
			const theAnswerArrives = await slowly(() => answer(429, {}, '{"message":"no"}'));
			await theAnswerArrives();
			expect(await submissionsOf(world, job)).toMatchObject([
				{ n: 1, state: "not_taken", reason: "http_429" },
				{ n: 2, state: "pending" },
			]);
			await world.pass(60_000);
			expect((await world.job(job)).state).toBe("completed");
		});
	});
}
