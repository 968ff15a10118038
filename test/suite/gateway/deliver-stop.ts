import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { answer, openWorld, type World } from "../../support/world.ts";
import {
	allFinished,
	answers,
	attemptNumbers,
	attemptsOf,
	deliveryOf,
	endpointState,
	finished,
	holdCallbacks,
	NO_URL,
} from "./callbacks.ts";
import { accepted, deliveriesOf, hook, told } from "./tools.ts";

/** How a delivery ends without having arrived. */
export function stops(open: () => Promise<Db>): void {
	describe("a receiver that wants no more", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		it.each([
			["410", 410, {}, "http_410"],
			["webhook-delivery: disable", 400, { "webhook-delivery": "disable" }, "receiver_disabled"],
		])("and says so with %s is disabled: what waits for it is held, and so is what comes", async (_, status, headers, reason) => {
			const { id } = await world.endpoint({ event_types: ["job.completed"] });
			answers(world, 500, [status, headers]);
			const waits = await finished(world, NO_URL);
			await world.run();
			const answered = await finished(world, NO_URL);
			await world.run();
			const later = await finished(world, NO_URL);
			await world.pass(100 * 3_600_000);
			expect(await endpointState(world, id)).toEqual({ state: "disabled", reason });
			expect(await deliveryOf(world, waits)).toMatchObject({
				state: "held",
				reason: "endpoint_disabled",
				attempts: 1,
				nextAttemptAt: null,
			});
			expect(await deliveryOf(world, answered)).toMatchObject({
				state: "held",
				reason: "endpoint_disabled",
				attempts: 1,
				nextAttemptAt: null,
			});
			expect(await deliveryOf(world, later)).toMatchObject({
				state: "held",
				reason: "endpoint_disabled",
				attempts: 0,
				nextAttemptAt: null,
			});
			expect(world.callbacks).toHaveLength(2);
			expect(world.lines.filter(({ what }) => what === "endpoint.disabled")).toMatchObject([{ level: "warn", fields: { endpoint: id } }]);
		});

		it("while another attempt is under way: that one is held when it fails, and delivered when it arrives", async () => {
			await world.endpoint({ event_types: ["job.completed"] });
			const jobs = await allFinished(world, 3, NO_URL);
			const waiting = holdCallbacks(world);
			const round = world.run();
			await expect.poll(() => waiting.length).toBe(3);
			waiting[0]!.settle(410);
			await expect.poll(async () => (await states(jobs)).filter((state) => state === "held").length).toBe(1);
			waiting[1]!.settle(500);
			waiting[2]!.settle(200);
			await round;
			expect((await states(jobs)).toSorted((a, b) => a.localeCompare(b))).toEqual(["delivered", "held", "held"]);
		});

		it("and was another one when we sent is not disabled: its URL has changed since", async () => {
			const { id } = await world.endpoint({ event_types: ["job.completed"] });
			const job = await finished(world, NO_URL);
			const waiting = holdCallbacks(world);
			const round = world.run();
			await expect.poll(() => waiting.length).toBe(1);
			world.jump(1);
			const headers = { "content-type": "application/json" };
			await world.request(`/v1/endpoints/${id}`, { method: "PATCH", headers, body: '{"url":"https://elsewhere.example.com/"}' });
			world.onCallback(() => answer(200));
			waiting[0]!.settle(410);
			await round;
			expect(await endpointState(world, id)).toEqual({ state: "enabled", reason: null });
			await world.pass(60_000);
			expect(await deliveryOf(world, job)).toMatchObject({ state: "delivered" });
			expect(world.callbacks.at(-1)!.url).toBe("https://elsewhere.example.com/");
		});
		const states = async (jobs: string[]) => Promise.all(jobs.map(async (job) => (await deliveryOf(world, job)).state));

		it("of one message is sent the others", async () => {
			const { id } = await world.endpoint({ event_types: ["job.completed"] });
			answers(world, [400, { "webhook-delivery": "abort-message" }], 200);
			const aborted = await finished(world, NO_URL);
			await world.run();
			const next = await finished(world, NO_URL);
			await world.pass(100 * 3_600_000);
			expect(await deliveryOf(world, aborted)).toMatchObject({ state: "stopped", reason: "receiver_aborted", attempts: 1 });
			expect(await deliveryOf(world, next)).toMatchObject({ state: "delivered" });
			expect(await endpointState(world, id)).toEqual({ state: "enabled", reason: null });
			expect(world.callbacks).toHaveLength(2);
		});

		it("at a job's own URL stops that delivery alone", async () => {
			answers(world, 410, 200);
			const gone = await finished(world);
			await world.run();
			const next = await finished(world);
			await world.pass(100 * 3_600_000);
			expect(await deliveryOf(world, gone)).toMatchObject({ state: "stopped", reason: "http_410", attempts: 1, nextAttemptAt: null });
			expect(await deliveryOf(world, next)).toMatchObject({ state: "delivered" });
			expect(world.callbacks).toHaveLength(2);
		});
	});

	describe("news that the job's end has overtaken", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		const byType = async (job: string) =>
			Object.fromEntries(
				(await deliveriesOf(world, job)).map(({ eventType, state, attempts }) => [eventType, `${state} after ${attempts}`]),
			);

		it("is not sent any more", async () => {
			answers(world, 500, 200);
			const { job, providerJob, url } = await accepted(world);
			await told(world, hook(world, { url, providerJob, event: "job.processing" }));
			await world.run();
			await told(world, hook(world, { url, providerJob, event: "job.completed" }));
			await world.pass(3_600_000);
			expect(await byType(job)).toEqual({ "job.processing": "superseded after 1", "job.completed": "delivered after 1" });
			expect(attemptNumbers(world)).toEqual(["1", "1"]);
		});

		it("while it is under way settles by itself: delivered when it arrives, superseded when it does not", async () => {
			const ends: Record<number, string> = { 200: "delivered after 1", 500: "superseded after 1" };
			for (const [status, end] of Object.entries(ends)) {
				const waiting = holdCallbacks(world);
				const { job, providerJob, url } = await accepted(world);
				await told(world, hook(world, { url, providerJob, event: "job.processing" }));
				const round = world.run();
				await expect.poll(() => waiting.length).toBe(1);
				await told(world, hook(world, { url, providerJob, event: "job.completed" }));
				answers(world, 200);
				waiting[0]!.settle(Number(status));
				await round;
				await world.pass(3_600_000);
				expect(await byType(job)).toEqual({ "job.processing": end, "job.completed": "delivered after 1" });
				expect((await attemptsOf(world, job)).map(({ nextAttemptAt }) => nextAttemptAt)).toEqual([null, null]);
			}
		});
	});
}
