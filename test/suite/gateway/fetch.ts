import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { answer, broken, openWorld, submitted, type World } from "../../support/world.ts";
import { fetchRaces } from "./fetch-races.ts";
import { ACCOUNT_URL, accepted, answerFor, deliveriesOf, eventsOf, hook, status, submissionsOf, tokenUrl, told } from "./tools.ts";
import { done, EXAMPLES, TRANSCRIPT } from "./types-examples.ts";

const HOUR = 3_600_000;
const completedBody = (world: World) => JSON.parse(world.callbacks.at(-1)!.body) as { type: string; data: Record<string, unknown> };

export function fetch(open: () => Promise<Db>): void {
	describe("a result that is text", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());
		const completed = (taken: { url: string; providerJob: string }) => hook(world, { ...taken, event: "job.completed" });
		const result = (job: string) => world.request(`/v1/jobs/${job}/result`);

		it.each([
			[true, 0],
			[false, 1],
		])("is read from the status where it was asked for there (%s), else from the provider's link", async (inline, downloads) => {
			const { input, ...rest } = EXAMPLES["transcribe"]!;
			const job = await submitted(world, { ...rest, input: { ...input, return_result_in_response: inline } });
			await world.pass(5000);
			expect(await world.calls("result")).toHaveLength(downloads);
			expect(completedBody(world)).toMatchObject({ type: "job.completed", data: { status: "done", result: TRANSCRIPT } });
			const response = await result(job);
			expect([response.status, await response.text()]).toEqual([200, TRANSCRIPT]);
			expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
			expect(response.headers.get("x-content-type-options")).toBe("nosniff");
			const link = await world.app.request((await world.job(job))["result_url"] as string);
			expect([link.status, await link.text()]).toEqual([200, TRANSCRIPT]);
		});

		it("is JSON for embeddings", async () => {
			const job = await submitted(world, EXAMPLES["txt2embedding"]);
			await world.pass(5000);
			const response = await result(job);
			expect(response.headers.get("content-type")).toBe("application/json");
			const vectors = (await response.json()) as number[][];
			expect(vectors.map((vector) => vector.length)).toEqual([1024, 1024]);
			expect(JSON.parse(completedBody(world).data["result"] as string)).toEqual(vectors);
		});

		it("is fetched before the job completes: until then it reads processing", async () => {
			const taken = await accepted(world, EXAMPLES["transcribe"]);
			answerFor(world, "/request-status/", () => done("the words"));
			expect(await told(world, completed(taken))).toBe("200 applied");
			expect(await world.job(taken.job)).toMatchObject({ state: "processing", revision: 1, result_url: null });
			expect((await result(taken.job)).status).toBe(409);
			expect(await submissionsOf(world, taken.job)).toMatchObject([{ phase: "result", fetchingSince: null }]);
			await world.run();
			expect(await world.job(taken.job)).toMatchObject({ state: "completed", revision: 2 });
			expect(await eventsOf(world, taken.job)).toEqual(["1 job.processing", "2 job.completed"]);
		});

		it("comes also where a poll tells of it, or a hook ahead of our own record", async () => {
			world.holdHooks(true);
			const polled = await submitted(world, EXAMPLES["transcribe"]);
			await world.pass(60_000);
			expect(await world.job(polled)).toMatchObject({ state: "completed" });
			const early = await accepted(world, EXAMPLES["transcribe"]);
			expect(await told(world, hook(world, { url: ACCOUNT_URL, providerJob: early.providerJob, event: "job.completed" }))).toBe(
				"200 applied",
			);
			const orphan = await submitted(world, EXAMPLES["transcribe"]);
			await world.claimAndDie();
			await told(world, hook(world, { url: ACCOUNT_URL, providerJob: "p-9", event: "job.completed" }));
			const [submission] = await submissionsOf(world, orphan);
			answerFor(world, "/request-status/p-9", () => done("words"));
			await told(world, hook(world, { url: tokenUrl(world, submission!.id), providerJob: "p-9", event: "job.processing" }));
			await world.pass(5000);
			expect(await world.job(orphan)).toMatchObject({ state: "completed", revision: 2 });
		});

		it("is fetched once, whatever is told meanwhile; success stands", async () => {
			const taken = await accepted(world, EXAMPLES["transcribe"]);
			const first = completed(taken);
			const answers = [first, first, completed(taken), hook(world, { ...taken, event: "job.failed" })];
			const outcomes = [];
			for (const post of answers) outcomes.push(await told(world, post));
			expect(outcomes).toEqual(["200 applied", "200 duplicate", "200 repeated", "200 conflicting"]);
			answerFor(world, "/request-status/", () => done("words"));
			await world.run();
			expect(await told(world, first)).toBe("200 duplicate");
			expect(await eventsOf(world, taken.job)).toEqual(["1 job.processing", "2 job.completed"]);
			expect(await deliveriesOf(world, taken.job)).toHaveLength(2);
		});

		it("is fetched again after 5 s, and then as long as it was tried, until it comes", async () => {
			const taken = await accepted(world, EXAMPLES["transcribe"]);
			const tries = [
				broken("timeout", false),
				answer(500),
				answer(404),
				answer(200, {}, "nonsense"),
				status("processing"),
				done(null, null),
			];
			const asked = answerFor(world, "/request-status/", () => tries.shift() ?? done("at last"));
			const began = world.now();
			await told(world, completed(taken));
			await world.pass(HOUR);
			expect(asked.at.map((at) => at - began)).toEqual([0, 5000, 10_000, 20_000, 40_000, 80_000, 160_000]);
			expect(completedBody(world).data["result"]).toBe("at last");
			expect(await (await result(taken.job)).text()).toBe("at last");
		});

		it("that cannot be fetched within an hour fails the job as result_unavailable", async () => {
			const taken = await accepted(world, EXAMPLES["transcribe"]);
			const began = world.now();
			const asked = answerFor(world, "storage.deapi.ai", () => answer(403));
			const real = world.deps.http;
			world.deps.http = (request) => (request.url.includes("/request-status/") ? Promise.resolve(done(null)) : real(request));
			await told(world, completed(taken));
			await world.pass(HOUR - 1);
			expect(await world.job(taken.job)).toMatchObject({ state: "processing" });
			await world.pass(1);
			expect(await world.job(taken.job)).toMatchObject({
				state: "failed",
				error: { code: "result_unavailable", message: expect.stringContaining("result_http_403") },
			});
			expect(asked.at.at(-1)).toBe(began + HOUR);
			expect(asked.at.length).toBeGreaterThan(10);
			await world.pass(HOUR);
			expect(await submissionsOf(world, taken.job)).toMatchObject([{ state: "accepted", nextAttemptAt: null, claimId: null }]);
			expect(await eventsOf(world, taken.job)).toEqual(["1 job.processing", "2 job.failed"]);
		});

		it("is fetched after all when the process died over it", async () => {
			const taken = await accepted(world, EXAMPLES["transcribe"]);
			await told(world, completed(taken));
			await world.claimAndDie();
			world.restart();
			answerFor(world, "/request-status/", () => done("words"));
			await world.pass(10 * 60_000);
			expect(await world.job(taken.job)).toMatchObject({ state: "completed", revision: 2 });
		});

		it("of more than 256 KiB comes by its link alone, and of more than 8 MiB stays at the provider", async () => {
			const taken = [await accepted(world, EXAMPLES["transcribe"]), await accepted(world, EXAMPLES["transcribe"])] as const;
			const long = "ü".repeat(131_073);
			answerFor(world, `/request-status/${taken[0].providerJob}`, () => done(long));
			await told(world, completed(taken[0]));
			await world.run();
			expect(completedBody(world).data).not.toHaveProperty("result");
			expect(await (await result(taken[0].job)).text()).toBe(long);
			const answered = { kind: "response" as const, status: 200, headers: {}, body: "x" };
			world.onRequest(({ url }) => {
				if (url.includes("/request-status/")) return done(null);
				return url.includes("storage.deapi.ai") ? { ...answered, truncated: true } : null;
			});
			await told(world, completed(taken[1]));
			await world.run();
			expect(await world.job(taken[1].job)).toMatchObject({ state: "completed" });
			const response = await result(taken[1].job);
			expect([response.status, response.headers.get("location")]).toEqual([302, "https://storage.deapi.ai/r/a.txt"]);
		});

		it("is downloaded without our key, and no more than 8 MiB of it", async () => {
			const seen: { url: string; headers: Record<string, string>; keepBytes: number }[] = [];
			world.onRequest((request) => {
				if (request.url.includes("/results/")) seen.push(request);
				return null;
			});
			await submitted(world, EXAMPLES["transcribe"]);
			await world.pass(5000);
			expect(seen).toHaveLength(1);
			expect(Object.keys(seen[0]!.headers)).not.toContain("authorization");
			expect(seen[0]!.keepBytes).toBe(8 * 1_048_576);
		});
	});
	fetchRaces(open);
}
