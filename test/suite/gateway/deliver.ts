import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { answer, broken, openWorld, RECEIVER, type World } from "../../support/world.ts";
import { answers, attemptNumbers, attemptsOf, deliveryOf, finished } from "./callbacks.ts";
import { crash } from "./deliver-crash.ts";
import { lanes } from "./deliver-lanes.ts";
import { signatures } from "./deliver-sign.ts";
import { stops } from "./deliver-stop.ts";
import { deliveries } from "./deliveries.ts";
import { again } from "./deliveries-again.ts";
import { events } from "./events.ts";

const HOUR = 3_600_000;
const DELAYS_S = [5, 30, 120, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 86_400];

/** The outbound half: every event reaches its receivers, or it is known why not. */
export function deliver(open: () => Promise<Db>): void {
	describe("a delivery", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		it("to a receiver that is down is tried twelve times on schedule, each attempt with reason, status and next time", async () => {
			answers(world, [500, {}, "out of order"]);
			const began = world.now();
			const job = await finished(world);
			await world.pass(80 * HOUR);
			let at = began;
			const expected = [...DELAYS_S, null].map((delay, i) => {
				const startedAt = at;
				if (delay !== null) at = Math.round(at + delay * 1000 * 1.1); // the world's chance is always one half
				const nextAttemptAt = delay === null ? null : at;
				return { n: i + 1, outcome: "failed", reason: "http_500", status: 500, startedAt, nextAttemptAt, response: "out of order" };
			});
			expect(await attemptsOf(world, job)).toMatchObject(expected);
			expect(world.callbacks.map(({ atMs }) => atMs)).toEqual(expected.map(({ startedAt }) => startedAt));
			expect(await deliveryOf(world, job)).toMatchObject({ state: "exhausted", reason: "http_500", attempts: 12, nextAttemptAt: null });
			await world.pass(100 * HOUR);
			expect(world.callbacks).toHaveLength(12);
		});

		it("arrives once the receiver is back, and is not sent again", async () => {
			answers(world, 500, 404, 503, 400, 204);
			const job = await finished(world);
			await world.pass(80 * HOUR);
			expect((await attemptsOf(world, job)).map(({ reason }) => reason)).toEqual([
				...["http_500", "http_404", "http_503", "http_400"],
				"acknowledged",
			]);
			expect(await deliveryOf(world, job)).toMatchObject({ state: "delivered", reason: "acknowledged", attempts: 5, nextAttemptAt: null });
		});

		it("carries the same webhook-id and the same bytes on every attempt, numbered from one", async () => {
			answers(world, 500, 500, 500, 200);
			await finished(world);
			await world.pass(HOUR);
			expect(attemptNumbers(world)).toEqual(["1", "2", "3", "4"]);
			for (const name of ["webhook-id", "x-deapi-delivery-id", "jobhook-delivery", "x-deapi-event"])
				expect(new Set(world.callbacks.map(({ headers }) => headers[name])).size, name).toBe(1);
			expect(new Set(world.callbacks.map(({ body }) => body)).size).toBe(1);
			expect(JSON.parse(world.callbacks[0]!.body)).toMatchObject({ id: world.callbacks[0]!.headers["webhook-id"], type: "job.completed" });
		});

		it.each([301, 302, 307, 308])("that is answered %i fails and is not sent elsewhere", async (status) => {
			answers(world, [status, { location: "https://elsewhere.example.com/" }], 200);
			const job = await finished(world);
			await world.pass(60_000);
			expect((await attemptsOf(world, job)).map(({ reason }) => reason)).toEqual([`http_${status}`, "acknowledged"]);
			expect(world.callbacks.map(({ url }) => url)).toEqual([RECEIVER, RECEIVER]);
		});

		it.each([
			["seconds", "3600", HOUR],
			["a date", "Thu, 15 Jan 2026 12:30:45 GMT", 2 * HOUR],
			["more than a day", "31536000", 24 * HOUR],
			["less than the schedule", "1", 5500],
			["a date that is past", "Thu, 15 Jan 2026 09:30:45 GMT", 5500],
			["nonsense", "later", 5500],
		])("waits as Retry-After asks: %s", async (_, header, wait) => {
			answers(world, [500, { "retry-after": header }], 200);
			const began = world.now();
			await finished(world);
			await world.pass(48 * HOUR);
			expect(world.callbacks.map(({ atMs }) => atMs - began)).toEqual([0, wait]);
		});

		it("waits a minute at least after a timeout", async () => {
			const began = world.now();
			world.onCallback(() => (world.callbacks.length > 1 ? answer(200) : broken("timeout", false)));
			const job = await finished(world);
			await world.pass(HOUR);
			expect(world.callbacks.map(({ atMs }) => atMs - began)).toEqual([0, 66_000]);
			expect(await attemptsOf(world, job)).toMatchObject([{ reason: "timeout", status: null, response: null }, { status: 200 }]);
		});

		it("ends after 96 hours, with attempts left", async () => {
			answers(world, [500, { "retry-after": "86400" }]);
			const began = world.now();
			const job = await finished(world);
			await world.pass(400 * HOUR);
			expect(world.callbacks.map(({ atMs }) => (atMs - began) / HOUR)).toEqual([0, 24, 48, 72, 96]);
			expect(await deliveryOf(world, job)).toMatchObject({ state: "exhausted", attempts: 5, nextAttemptAt: null });
		});

		it("leaves one wide line for each attempt, with what comes next and without what was sent", async () => {
			answers(world, 500, 200);
			const job = await finished(world);
			await world.pass(60_000);
			const lines = world.lines.filter(({ what }) => what === "attempt.finished").map(({ fields }) => fields);
			const { id, eventId } = await deliveryOf(world, job);
			const common = { app: world.appId, job, delivery: id, event: eventId, target: "job" };
			const [first] = await attemptsOf(world, job);
			expect(lines).toEqual([
				{ ...common, n: 1, state: "pending", reason: "http_500", status: 500, ms: 0, next: first!.nextAttemptAt },
				{ ...common, n: 2, state: "delivered", reason: "acknowledged", status: 200, ms: 0, next: null },
			]);
		});
	});
	lanes(open);
	stops(open);
	signatures(open);
	crash(open);
	deliveries(open);
	again(open);
	events(open);
}
