import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compileSql } from "../../../src/db/compile.ts";
import type { Db } from "../../../src/db/db.ts";
import { openWorld, type World } from "../../support/world.ts";
import { answers, attemptNumbers, attemptsOf, deliveryOf, finished, holdCallbacks, NO_URL } from "./callbacks.ts";
import { call, got } from "./calls.ts";
import { refusalOf } from "./doors.ts";
import { accepted, deliveriesOf, hook, told } from "./tools.ts";

const JOB_URL = { webhook_events: ["job.completed"] };
const emptyBodies = compileSql<unknown, { id: string }>(["id"], () => sql`UPDATE events SET body = '' RETURNING id`);

export function again(open: () => Promise<Db>): void {
	let world: World;
	const ask = (id: string, verb: "retry" | "replay") => call(world, "POST", `/v1/deliveries/${id}/${verb}`);
	const refused = async (id: string, verb: "retry" | "replay") => {
		const before = await got(world.request(`/v1/deliveries/${id}`));
		const response = await ask(id, verb);
		const { code, message } = await refusalOf(response);
		expect([response.status, code]).toEqual([409, "not_possible"]);
		expect(await got(world.request(`/v1/deliveries/${id}`))).toEqual(before);
		return message;
	};
	/** Of a job that ended while nobody had taken the news of its way. */
	const superseded = async () => {
		const { job, providerJob, url } = await accepted(world);
		await told(world, hook(world, { url, providerJob, event: "job.processing" }));
		await told(world, hook(world, { url, providerJob, event: "job.completed" }));
		return (await deliveriesOf(world, job)).find(({ state }) => state === "superseded")!;
	};

	describe("a retry", () => {
		beforeEach(async () => {
			world = await openWorld(await open(), { env: { RETRY_DELAYS_S: "60,60" } });
		});
		afterEach(() => world.close());

		it("makes an exhausted delivery due now, with a fresh budget and a fresh age, under the next number", async () => {
			answers(world, 500, 500, 500, 500, 200);
			const job = await finished(world, JOB_URL);
			await world.pass(3_600_000);
			const { id, state } = await deliveryOf(world, job);
			expect(state).toBe("exhausted");
			world.jump(200 * 3_600_000); // longer than a delivery is tried
			const at = new Date(world.now()).toISOString();
			expect(await got(ask(id, "retry"))).toMatchObject({
				id,
				status: "pending",
				reason: "retried",
				attempts: 3,
				next_at: at,
				ended_at: null,
			});
			await world.pass(3_600_000);
			expect(await deliveryOf(world, job)).toMatchObject({ state: "delivered", attempts: 5 });
			expect(attemptNumbers(world)).toEqual(["1", "2", "3", "4", "5"]);
			expect(new Set(world.callbacks.map(({ headers, body }) => headers["webhook-id"]! + body)).size).toBe(1);
		});

		it("does not let one that waits wait any longer", async () => {
			answers(world, 500, 200);
			const job = await finished(world, JOB_URL);
			await world.run();
			await got(ask((await deliveryOf(world, job)).id, "retry"));
			await world.run();
			expect(await deliveryOf(world, job)).toMatchObject({ state: "delivered", attempts: 2 });
		});

		it("sends one that its receiver had stopped", async () => {
			answers(world, [400, { "webhook-delivery": "abort-message" }], 200);
			const job = await finished(world, JOB_URL);
			await world.run();
			await got(ask((await deliveryOf(world, job)).id, "retry"));
			await world.run();
			expect(await deliveryOf(world, job)).toMatchObject({ state: "delivered" });
		});

		it("is not for one that has arrived or was overtaken, and says what is", async () => {
			const over = await superseded();
			expect(await refused(over.id, "retry")).toMatch(/overtaken.+replay/);
			const job = await finished(world, JOB_URL);
			await world.run();
			expect(await refused((await deliveryOf(world, job)).id, "retry")).toMatch(/delivered.+replay/);
		});

		it("is not for one that is under way", async () => {
			const job = await finished(world, JOB_URL);
			const { id } = await deliveryOf(world, job);
			const waiting = holdCallbacks(world);
			const round = world.run();
			await expect.poll(() => waiting.length).toBe(1);
			expect(await refused(id, "retry")).toMatch(/under way/);
			expect(await refused(id, "replay")).toMatch(/under way/);
			waiting[0]!.settle(200);
			await round;
			expect(await attemptsOf(world, job)).toHaveLength(1);
		});

		it("waits for its endpoint to be enabled", async () => {
			const { id: endpoint } = await world.endpoint({ event_types: ["job.completed"] });
			const job = await finished(world, NO_URL);
			await got(call(world, "POST", `/v1/endpoints/${endpoint}/disable`));
			const { id } = await deliveryOf(world, job);
			expect(await refused(id, "retry")).toMatch(/disabled; enable it/);
			await call(world, "DELETE", `/v1/endpoints/${endpoint}`);
			expect(await refused(id, "retry")).toMatch(/deleted/);
			expect(await refused(id, "replay")).toMatch(/deleted/);
		});

		it("is not for one whose body is not kept any more", async () => {
			answers(world, 410);
			const job = await finished(world, JOB_URL);
			await world.run();
			await world.deps.db.batch([emptyBodies.bind({})]);
			const { id } = await deliveryOf(world, job);
			expect(await refused(id, "retry")).toMatch(/not kept/);
			expect(await refused(id, "replay")).toMatch(/not kept/);
		});

		it("asked for by many at once is one", async () => {
			answers(world, 410, 200);
			const job = await finished(world, JOB_URL);
			await world.run();
			const { id } = await deliveryOf(world, job);
			await Promise.all(Array.from({ length: 5 }, () => got(ask(id, "retry"))));
			await world.pass(600_000);
			expect(world.callbacks).toHaveLength(2);
			expect(world.lines.find(({ what }) => what === "delivery.retried")?.fields).toMatchObject({ job, delivery: id });
		});
	});

	describe("a replay", () => {
		beforeEach(async () => {
			world = await openWorld(await open(), { env: { RETRY_DELAYS_S: "60,60" } });
		});
		afterEach(() => world.close());

		it("sends what has arrived once more: the same id, the same bytes, the next attempt number", async () => {
			const job = await finished(world, JOB_URL);
			await world.run();
			const { id } = await deliveryOf(world, job);
			expect(await got(ask(id, "replay"))).toMatchObject({ id, status: "pending", reason: "replayed", attempts: 1, ended_at: null });
			await world.run();
			expect(attemptNumbers(world)).toEqual(["1", "2"]);
			expect(new Set(world.callbacks.map(({ headers, body }) => headers["webhook-id"]! + headers["jobhook-delivery"] + body)).size).toBe(1);
			expect(await deliveryOf(world, job)).toMatchObject({ state: "delivered", attempts: 2 });
			expect((await attemptsOf(world, job)).map(({ n, outcome }) => `${n} ${outcome}`)).toEqual(["1 delivered", "2 delivered"]);
		});

		it("sends news that the job's end had overtaken, as it was", async () => {
			const { id, eventId } = await superseded();
			await got(ask(id, "replay"));
			await world.run();
			expect(world.callbacks.map(({ headers }) => headers["webhook-id"])).toContain(eventId);
		});

		it("is not for one that is still on its way, and says what is", async () => {
			answers(world, 500);
			const job = await finished(world, JOB_URL);
			await world.run();
			expect(await refused((await deliveryOf(world, job)).id, "replay")).toMatch(/not settled.+retry/);
		});
	});
}
