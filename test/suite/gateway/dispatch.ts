import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HttpAnswer } from "../../../src/core/http.ts";
import type { Db } from "../../../src/db/db.ts";
import { Sweep } from "../../../src/sweep.ts";
import { answer, broken, openWorld, submitted, type World } from "../../support/world.ts";
import { answerFor, edgeError, eventsOf, laneOf, submissionsOf } from "./tools.ts";

const says = (message: string) => JSON.stringify({ message });

export function dispatch(open: () => Promise<Db>): void {
	describe("a send that the provider refuses", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		it.each([400, 404, 410, 413, 422])("with %i fails the job with the provider's own message and is not repeated", async (status) => {
			const calls = answerFor(world, "/txt2img", () => answer(status, {}, says("The prompt field is too long.")));
			const job = await submitted(world);
			await world.pass(3_600_000);
			const error = { code: "provider_refused", message: "The prompt field is too long." };
			expect(await world.job(job)).toMatchObject({ state: "failed", revision: 1, error });
			expect(await submissionsOf(world, job)).toMatchObject([{ state: "refused", n: 1, nextAttemptAt: null, claimId: null }]);
			expect(calls.at).toHaveLength(1);
			expect(await eventsOf(world, job)).toEqual(["1 job.failed"]);
			expect(JSON.parse(world.callbacks[0]!.body).data).toMatchObject({ error_code: error.code, error_message: error.message });
		});

		it("hands on deAPI's words about an unknown model", async () => {
			const job = await submitted(world, { model: "Nope" });
			await world.run();
			expect((await world.job(job)).error?.message).toBe("The selected model does not exist.");
		});

		it("without a word says which status it was", async () => {
			answerFor(world, "/txt2img", () => answer(413, {}, "<html>too large</html>"));
			const job = await submitted(world);
			await world.run();
			expect((await world.job(job)).error?.message).toBe("deAPI answered 413");
		});
	});

	describe("many sends", () => {
		it("leave once each, though two processes claim at the same time", async () => {
			const world = await openWorld(await open());
			const jobs = await Promise.all(Array.from({ length: 25 }, () => submitted(world)));
			const other = new Sweep(world.deps);
			const work: Promise<void>[] = [];
			const claimToo = async () => {
				for (let round = 0; round < 5; round++) await other.claim(10, (start) => void work.push(start()));
				await Promise.all(work);
			};
			await Promise.all([world.run(), claimToo(), world.run()]);
			await world.run();
			expect(await world.calls("txt2img")).toHaveLength(25);
			for (const job of jobs) expect(await submissionsOf(world, job)).toMatchObject([{ state: "accepted", n: 1 }]);
			await world.close();
		});
	});

	describe("a send that was certainly not taken", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		it("after 429 is repeated at the very moment that Retry-After names, and nothing of its lane before", async () => {
			await world.knobs({ calls: [{ call: "txt2img", status: 429, retryAfter: 37 }] });
			const began = world.now();
			const first = await submitted(world);
			await world.run();
			expect(await submissionsOf(world, first)).toMatchObject([
				{ n: 1, state: "not_taken", reason: "http_429", nextAttemptAt: null, endedAt: began },
				{ n: 2, state: "pending", nextAttemptAt: began + 37_000 },
			]);
			expect(await laneOf(world, "txt2img")).toMatchObject({ notBefore: began + 37_000, reason: "http_429", strikes: 1 });
			await submitted(world);
			await world.pass(36_999);
			expect(await world.calls("txt2img")).toHaveLength(1);
			await world.pass(1);
			expect(await world.calls("txt2img")).toHaveLength(3);
			expect(await world.job(first)).toMatchObject({ state: "submitted", revision: 0 });
			await world.pass(5000);
			expect((await world.job(first)).state).toBe("completed");
		});

		it("waits for the provider's midnight where the day's limit is spent", async () => {
			await world.knobs({ calls: [{ call: "txt2img", status: 429, limitType: "daily" }] });
			const job = await submitted(world);
			await world.run();
			const midnight = Date.UTC(2026, 0, 16);
			expect((await submissionsOf(world, job))[1]).toMatchObject({ state: "pending", nextAttemptAt: midnight });
		});

		it("reads Retry-After as a date, too", async () => {
			const at = new Date(world.now() + 90_000).toUTCString();
			answerFor(world, "/txt2img", () => answer(503, { "retry-after": at }));
			const job = await submitted(world);
			await world.run();
			expect((await submissionsOf(world, job))[1]!.nextAttemptAt).toBe(Math.floor(world.now() / 1000) * 1000 + 90_000);
		});

		it("waits a day at most, whatever Retry-After says", async () => {
			answerFor(world, "/txt2img", () => answer(429, { "retry-after": "999999" }));
			const job = await submitted(world);
			await world.run();
			expect((await submissionsOf(world, job))[1]!.nextAttemptAt).toBe(world.now() + 86_400_000);
		});

		it("keeps to its own schedule where Retry-After is shorter", async () => {
			await world.knobs({ calls: [{ call: "txt2img", status: 429, retryAfter: 1 }] });
			const job = await submitted(world);
			await world.run();
			expect((await submissionsOf(world, job))[1]!.nextAttemptAt).toBe(world.now() + 5500);
		});

		it.each<[string, HttpAnswer]>([
			["http_503", answer(503)],
			["http_429", answer(429)],
			...[521, 523, 525, 526].map((status): [string, HttpAnswer] => [`http_${status}`, edgeError(status)]),
			["http_530", edgeError(530, 1016)],
			["dns_error", broken("dns_error", true)],
			["connect_failed", broken("connect_failed", true)],
			["connect_timeout", broken("connect_timeout", true)],
			["tls_error", broken("tls_error", true)],
		])("by %s is repeated after 5.5 s, 11 s and 22 s, each as a submission of its own", async (reason, failure) => {
			const calls = answerFor(world, "/txt2img", () => (calls.at.length <= 3 ? failure : null));
			const job = await submitted(world);
			const began = world.now();
			await world.pass(45_000);
			expect(calls.at.map((at) => at - began)).toEqual([0, 5500, 16_500, 38_500]);
			expect(await submissionsOf(world, job)).toMatchObject([
				...[1, 2, 3].map((n) => ({ n, state: "not_taken", reason, providerJobId: null, nextAttemptAt: null })),
				{ n: 4, state: "accepted", reason: null },
			]);
			expect(await world.calls("txt2img")).toHaveLength(1);
			expect((await world.job(job)).state).toBe("completed");
		});

		it("waits as long as Cloudflare asks to, in deAPI's place", async () => {
			answerFor(world, "/txt2img", () => ({ ...edgeError(521), headers: { "retry-after": "120" } }));
			const job = await submitted(world);
			await world.run();
			expect((await submissionsOf(world, job))[1]!.nextAttemptAt).toBe(world.now() + 120_000);
		});

		it("gives each send a hook address of its own", async () => {
			await world.knobs({ calls: [{ call: "txt2img", status: 503, times: 2 }] });
			await submitted(world);
			await world.pass(60_000);
			const urls = (await world.calls("txt2img")).map((call) => (call as unknown as { body: { webhook_url: string } }).body.webhook_url);
			expect(new Set(urls).size).toBe(3);
		});

		it("ends the job as not dispatched when its 72 hours are over, and is never tried after that", async () => {
			const calls = answerFor(world, "/txt2img", () => broken("connect_failed", true));
			const job = await submitted(world);
			await world.run();
			world.jump(72 * 3_600_000 - 700_000);
			await world.pass(660_000);
			expect((await world.job(job)).state).toBe("queued");
			await world.pass(660_000);
			expect(await world.job(job)).toMatchObject({ state: "failed", revision: 1, error: { code: "not_dispatched" } });
			expect((await world.job(job)).error?.message).toContain("connect_failed");
			const tries = calls.at.length;
			await world.pass(24 * 3_600_000);
			expect(calls.at).toHaveLength(tries);
			expect(await submissionsOf(world, job)).toHaveLength(tries);
			expect((await submissionsOf(world, job)).at(-1)).toMatchObject({ state: "not_taken", nextAttemptAt: null });
		});
	});
}
