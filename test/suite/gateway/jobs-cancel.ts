import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { answer, openWorld, submitted, type World } from "../../support/world.ts";
import { as, otherApp, post, refusalOf } from "./doors.ts";
import { accepted, answerFor, deliveriesOf, eventsOf, holdAnswer, hook, meet, submissionsOf, tokenUrl, told } from "./tools.ts";

export const cancelJob = (world: World, job: string, query = "") => post(world, `/v1/jobs/${job}/cancel${query}`, undefined);
const codeOf = async (response: Response) => `${response.status} ${(await refusalOf(response)).code}`;

export function cancels(open: () => Promise<Db>): void {
	describe("canceling a job", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
			world.holdHooks(true);
		});
		afterEach(() => world.close());

		it("that waits to be sent ends it: it is never sent, and its callbacks are told", async () => {
			await world.endpoint();
			const job = await submitted(world, { webhook_url: "https://other.example.com/" });
			const response = await cancelJob(world, job);
			expect([response.status, await response.json()]).toEqual([200, await world.job(job)]);
			expect(await world.job(job)).toMatchObject({ state: "canceled", revision: 1, error: { code: "canceled" } });
			await world.pass(3_600_000);
			expect(await world.calls("txt2img")).toHaveLength(0);
			expect(await submissionsOf(world, job)).toMatchObject([
				{ state: "not_taken", reason: "canceled", nextAttemptAt: null, claimId: null },
			]);
			const bodies = world.callbacks.map(({ body }) => JSON.parse(body) as { type: string; data: object });
			expect(bodies.map(({ type }) => type)).toEqual(["job.canceled", "job.canceled"]);
			expect(bodies[0]!.data).toMatchObject({
				status: "error",
				previous_status: "pending",
				error_code: "CANCELED",
				job: { state: "canceled" },
			});
		});

		it("that waits to be sent once more ends it, too", async () => {
			answerFor(world, "/txt2img", () => answer(429));
			const job = await submitted(world);
			await world.run();
			expect((await cancelJob(world, job)).status).toBe(200);
			await world.pass(3_600_000);
			expect((await submissionsOf(world, job)).map(({ state }) => state)).toEqual(["not_taken", "not_taken"]);
		});

		it("that is being sent, or was, is 409 already_sent and changes nothing", async () => {
			const taken = await accepted(world);
			expect(await codeOf(await cancelJob(world, taken.job))).toBe("409 already_sent");
			const sending = await submitted(world);
			const { arrive } = await holdAnswer(world, "/txt2img");
			expect(await codeOf(await cancelJob(world, sending))).toBe("409 already_sent");
			await arrive();
			for (const job of [taken.job, sending]) expect(await world.job(job)).toMatchObject({ state: "submitted", revision: 0 });
		});

		it("that has ended is 409 already_ended, also with forget", async () => {
			const job = await submitted(world);
			await cancelJob(world, job);
			for (const query of ["", "?forget=true"]) expect(await codeOf(await cancelJob(world, job, query))).toBe("409 already_ended");
			expect(await eventsOf(world, job)).toEqual(["1 job.canceled"]);
		});

		it.each(["submitted", "processing"])(
			"with forget ends a %s job on our side; what the provider says of it comes too late",
			async (state) => {
				const taken = await accepted(world);
				if (state === "processing") await told(world, hook(world, { ...taken, event: "job.processing" }));
				expect((await cancelJob(world, taken.job, "?forget=true")).status).toBe(200);
				expect(await told(world, hook(world, { ...taken, event: "job.completed" }))).toBe("200 conflicting");
				await world.pass(86_400_000);
				expect(await world.job(taken.job)).toMatchObject({ state: "canceled" });
				expect(await world.calls("request-status")).toHaveLength(0);
				expect((await eventsOf(world, taken.job)).at(-1)).toMatch(/job\.canceled/);
			},
		);

		it.each([
			["its id", answer(200, {}, '{"data":{"request_id":"p-1"}}'), "accepted"],
			["that it was not taken", answer(429), "not_taken"],
			["nothing certain", answer(500), "unknown"],
		])("with forget while it is being sent stands, when the answer brings %s: it is not sent again", async (_, late, state) => {
			const job = await submitted(world);
			const { arrive } = await holdAnswer(world, "/txt2img", () => late);
			expect((await cancelJob(world, job, "?forget=true")).status).toBe(200);
			await arrive();
			await world.pass(86_400_000);
			expect(await world.job(job)).toMatchObject({ state: "canceled", revision: 1 });
			expect(await submissionsOf(world, job)).toMatchObject([{ state, nextAttemptAt: null, claimId: null }]);
			expect(await world.calls("txt2img")).toHaveLength(1);
			expect(await world.calls("request-status")).toHaveLength(0);
		});

		it("is for its own app alone, with forget true or false", async () => {
			const job = await submitted(world);
			const path = `/v1/jobs/${job}/cancel`;
			expect((await post(world, path, undefined, as((await otherApp(world)).key))).status).toBe(404);
			expect((await cancelJob(world, "nonsense")).status).toBe(404);
			const wrong = await refusalOf(await cancelJob(world, job, "?forget=perhaps"));
			expect(wrong.details).toEqual([{ field: "forget", message: "must be true or false" }]);
			expect((await cancelJob(world, job.slice(4))).status).toBe(200);
		});
	});

	describe.each([
		["in order", false],
		["in reverse", true],
	])("a cancel that meets another writer, written %s:", (_, laterFirst) => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
			world.holdHooks(true);
		});
		afterEach(() => world.close());

		it("the claim that would send it: it is sent, or it is canceled", async () => {
			const job = await submitted(world);
			const { first } = meet(world, laterFirst);
			const canceling = cancelJob(world, job);
			await first;
			await world.run();
			const response = await canceling;
			const sent = (await world.calls("txt2img")).length;
			expect([response.status, sent]).toEqual(laterFirst ? [409, 1] : [200, 0]);
			expect((await world.job(job)).state).toBe(laterFirst ? "submitted" : "canceled");
			expect(await deliveriesOf(world, job)).toHaveLength(laterFirst ? 0 : 1);
		});

		it("another cancel: one of them ends it", async () => {
			const job = await submitted(world);
			const { first } = meet(world, laterFirst);
			const one = cancelJob(world, job);
			await first;
			const statuses = (await Promise.all([one, cancelJob(world, job)])).map(({ status }) => status);
			expect(statuses).toEqual(laterFirst ? [409, 200] : [200, 409]);
			expect(await eventsOf(world, job)).toEqual(["1 job.canceled"]);
		});

		it("with forget, the hook that completes it: the first one stands", async () => {
			const taken = await accepted(world);
			const { first } = meet(world, laterFirst);
			const canceling = cancelJob(world, taken.job, "?forget=true");
			await first;
			const [response, outcome] = await Promise.all([canceling, told(world, hook(world, { ...taken, event: "job.completed" }))]);
			expect([response.status, outcome]).toEqual(laterFirst ? [409, "200 applied"] : [200, "200 conflicting"]);
			expect(await eventsOf(world, taken.job)).toHaveLength(1);
		});

		it("with forget, the claim of a send and its hook: one end, and nothing is left to do", async () => {
			const job = await submitted(world);
			const [submission] = await submissionsOf(world, job);
			const { first } = meet(world, laterFirst);
			const canceling = cancelJob(world, job, "?forget=true");
			await first;
			await Promise.all([world.run(), canceling]);
			await told(world, hook(world, { url: tokenUrl(world, submission!.id), providerJob: "p-1", event: "job.completed" }));
			await world.pass(86_400_000);
			expect(await eventsOf(world, job)).toEqual(["1 job.canceled"]);
			expect((await submissionsOf(world, job)).every(({ nextAttemptAt }) => nextAttemptAt === null)).toBe(true);
		});
	});
}
