import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compileSql } from "../../../src/db/compile.ts";
import type { Db } from "../../../src/db/db.ts";
import { catchUpEndpoints } from "../../../src/outbound/endpoint/catch-up.ts";
import { openWorld, RECEIVER, type World } from "../../support/world.ts";
import { allFinished, answers, attemptsOf, deliveryOf, endpointState, finished, holdCallbacks, NO_URL } from "./callbacks.ts";
import { call, got, type Listed } from "./calls.ts";
import { refusalOf } from "./doors.ts";
import { deliveriesOf } from "./tools.ts";

const ONE = { event_types: ["job.completed"] };
const copies = compileSql<{ job: string; count: number }, { id: string }>(
	["id"],
	(p) => sql`WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${p.count})
		INSERT INTO deliveries SELECT d.id || n, d.app_id, d.job_id, d.event_id || n, d.event_type, d.target, d.state, d.lane_id, d.next_attempt_at,
			d.claim_id, d.claimed_at, d.attempts, d.failures, d.reason, d.armed_at, d.created_at, d.ended_at
		FROM deliveries d, numbers WHERE d.job_id = ${p.job} RETURNING id`,
);
const states = compileSql<unknown, { state: string; count: number }>(
	["state", "count"],
	() => sql`SELECT state, count(*) FROM deliveries GROUP BY state ORDER BY state`,
);
const misled = compileSql<{ now: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE deliveries SET state = 'pending', next_attempt_at = ${p.now}, reason = NULL RETURNING id`,
);

export function switches(open: () => Promise<Db>): void {
	let world: World;
	let id: string;
	const turn = (verb: "enable" | "disable") => got(call(world, "POST", `/v1/endpoints/${id}/${verb}`));
	const counted = async () => Object.fromEntries((await world.deps.db.read(states.bind({}))).map(({ state, count }) => [state, count]));

	describe("an endpoint that is disabled", () => {
		beforeEach(async () => {
			world = await openWorld(await open());
			({ id } = await world.endpoint(ONE));
		});
		afterEach(() => world.close());

		it("is sent nothing: what waits is held, and so is what comes; enabled again, all of it arrives", async () => {
			const waits = await finished(world, NO_URL);
			expect(await turn("disable")).toMatchObject({ id, state: "disabled", reason: "by_request" });
			const comes = await finished(world, NO_URL);
			await world.pass(200 * 3_600_000);
			expect(world.callbacks).toEqual([]);
			for (const job of [waits, comes])
				expect(await deliveryOf(world, job)).toMatchObject({ state: "held", reason: "endpoint_disabled", nextAttemptAt: null });
			expect(await turn("enable")).toMatchObject({ id, state: "enabled", reason: null });
			answers(world, 500, 200);
			await world.pass(60_000); // held time does not count: one that fails is tried again
			for (const job of [waits, comes]) expect(await deliveryOf(world, job)).toMatchObject({ state: "delivered" });
			expect(world.callbacks).toHaveLength(3);
		});

		it("twice stays as it was, and says why it was at first", async () => {
			answers(world, 410);
			await finished(world, NO_URL);
			await world.run();
			expect(await turn("disable")).toMatchObject({ state: "disabled", reason: "http_410" });
			await turn("enable");
			expect(await turn("enable")).toMatchObject({ state: "enabled", reason: null });
		});

		it("in the middle of an attempt holds it when it fails, and plans none", async () => {
			const job = await finished(world, NO_URL);
			const waiting = holdCallbacks(world);
			const round = world.run();
			await expect.poll(() => waiting.length).toBe(1);
			await turn("disable");
			waiting[0]!.settle(500);
			await round;
			expect(await deliveryOf(world, job)).toMatchObject({ state: "held", reason: "endpoint_disabled", nextAttemptAt: null });
			expect(await attemptsOf(world, job)).toMatchObject([{ outcome: "failed", status: 500, nextAttemptAt: null }]);
			answers(world, 200);
			await turn("enable");
			await world.run();
			expect(await deliveryOf(world, job)).toMatchObject({ state: "delivered", attempts: 2 });
		});

		it("does not silence the job's own callback at the same URL", async () => {
			await turn("disable");
			const job = await finished(world, { webhook_url: RECEIVER, webhook_events: ["job.completed"] });
			await world.run();
			expect(world.callbacks).toHaveLength(1);
			const made = (await deliveriesOf(world, job)).map(({ target, state }) => `${target === "job" ? target : "endpoint"} ${state}`);
			expect(made.toSorted((a, b) => a.localeCompare(b))).toEqual(["job delivered"]);
		});

		it("keeps what a fan-out beside it wrote as pending from being sent, and holds it soon after", async () => {
			await finished(world, NO_URL);
			await turn("disable");
			await world.deps.db.batch([misled.bind({ now: world.now() })]); // as one that had read `enabled` before
			await world.claimAndDie();
			expect(await counted()).toEqual({ pending: 1 });
			await world.run();
			expect([await counted(), world.callbacks.length]).toEqual([{ held: 1 }, 0]);
			world.jump(59_000);
			await world.deps.db.batch([misled.bind({ now: world.now() })]);
			await world.run();
			expect(await counted()).toEqual({ held: 1 });
		});

		it("holds and lets go any number in small batches", async () => {
			const job = await finished(world, NO_URL);
			await world.deps.db.batch([copies.bind({ job, count: 1234 })]);
			const sizes: number[] = [];
			const real = world.deps.db;
			world.deps.db = {
				...real,
				batch: async (work) => {
					const results = await real.batch(work);
					sizes.push(...results.map((rows) => rows.length));
					return results;
				},
			};
			await turn("disable");
			expect(await counted()).toEqual({ held: 500, pending: 735 });
			await catchUpEndpoints(world.deps);
			expect(await counted()).toEqual({ held: 1235 });
			await turn("enable");
			expect(await counted()).toEqual({ held: 735, pending: 500 });
			await catchUpEndpoints(world.deps);
			expect(await counted()).toEqual({ pending: 1235 });
			await call(world, "DELETE", `/v1/endpoints/${id}`);
			await catchUpEndpoints(world.deps);
			expect(await counted()).toEqual({ stopped: 1235 });
			expect(Math.max(...sizes)).toBe(500);
		});
	});

	describe("an endpoint that is deleted", () => {
		beforeEach(async () => {
			world = await openWorld(await open());
			({ id } = await world.endpoint(ONE));
		});
		afterEach(() => world.close());

		const remove = async () => (await call(world, "DELETE", `/v1/endpoints/${id}`)).status;

		it("is gone from every read, stops what has not arrived, and keeps what has for the record", async () => {
			const arrived = await finished(world, NO_URL);
			await world.run();
			answers(world, 500);
			const waits = await finished(world, NO_URL);
			await world.run();
			expect(await remove()).toBe(204);
			expect(await remove()).toBe(404);
			const after = await finished(world, NO_URL);
			expect((await world.request(`/v1/endpoints/${id}`)).status).toBe(404);
			expect(await got<Listed>(world.request("/v1/endpoints"))).toEqual({ data: [], next_cursor: null });
			expect(await deliveryOf(world, arrived)).toMatchObject({ state: "delivered", target: id, url: RECEIVER });
			expect(await deliveryOf(world, waits)).toMatchObject({ state: "stopped", reason: "endpoint_deleted", nextAttemptAt: null });
			expect((await deliveryOf(world, waits)).endedAt).toBe(world.now());
			expect(await deliveriesOf(world, after)).toEqual([]);
			await world.pass(100 * 3_600_000);
			expect(world.callbacks).toHaveLength(2);
		});

		it("stops what was held, too", async () => {
			await turn("disable");
			const job = await finished(world, NO_URL);
			await remove();
			expect(await deliveryOf(world, job)).toMatchObject({ state: "stopped", reason: "endpoint_deleted" });
		});

		it.each([
			[500, { state: "stopped", reason: "endpoint_deleted" }],
			[410, { state: "stopped", reason: "endpoint_deleted" }],
			[200, { state: "delivered", reason: "acknowledged" }],
		])("in the middle of an attempt that ends with %i stays deleted", async (status, end) => {
			const job = await finished(world, NO_URL);
			const waiting = holdCallbacks(world);
			const round = world.run();
			await expect.poll(() => waiting.length).toBe(1);
			await remove();
			waiting[0]!.settle(status);
			await round;
			expect(await deliveryOf(world, job)).toMatchObject({ ...end, nextAttemptAt: null });
			expect((await attemptsOf(world, job)).map(({ nextAttemptAt }) => nextAttemptAt)).toEqual([null]);
			expect(world.lines.some(({ what }) => what === "endpoint.disabled")).toBe(false);
			expect((await world.request(`/v1/endpoints/${id}`)).status).toBe(404);
		});

		it("never lends its place to the next one", async () => {
			const first = await finished(world, NO_URL);
			await remove();
			({ id } = await world.endpoint(ONE));
			const second = await finished(world, NO_URL);
			expect((await deliveryOf(world, first)).id.slice(-6)).toBe("000001");
			expect((await deliveryOf(world, second)).id.slice(-6)).toBe("000002");
		});

		it("cannot be changed, switched or tested any more", async () => {
			await remove();
			const answers = [
				call(world, "PATCH", `/v1/endpoints/${id}`, { event_types: ["job.failed"] }),
				...["enable", "disable", "rotate", "test"].map((verb) => call(world, "POST", `/v1/endpoints/${id}/${verb}`)),
			];
			for (const response of await Promise.all(answers)) {
				expect(response.status).toBe(404);
				await refusalOf(response);
			}
			expect(await deliveriesOf(world, (await allFinished(world, 1, NO_URL))[0]!)).toEqual([]);
		});
	});

	describe("the state of an endpoint", () => {
		it("is what its reads say", async () => {
			world = await openWorld(await open());
			({ id } = await world.endpoint(ONE));
			await turn("disable");
			expect(await endpointState(world, id)).toEqual({ state: "disabled", reason: "by_request" });
			await world.close();
		});
	});
}
