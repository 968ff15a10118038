import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Secretbox } from "../../../src/core/secretbox.ts";
import type { Db } from "../../../src/db/db.ts";
import { releaseInterrupted } from "../../../src/outbound/interrupted.ts";
import { openWorld, type World } from "../../support/world.ts";
import { answers, attemptNumbers, attemptsOf, deliveryOf, finished, holdCallbacks, NO_URL } from "./callbacks.ts";

/** 2 × deadline + margin. */
const LEASE_MS = 45_000;

/** Our own troubles: they cost time, never a delivery, and are never charged to the receiver. */
export function crash(open: () => Promise<Db>): void {
	describe("an attempt whose process was killed", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open(), { env: { RETRY_DELAYS_S: "1,1" } });
		});
		afterEach(() => world.close());

		it("is recorded as interrupted when its lease ends, and sent again under the next number", async () => {
			const began = world.now();
			const job = await finished(world);
			await world.claimAndDie();
			world.restart();
			await world.pass(LEASE_MS - 1);
			expect(world.callbacks).toHaveLength(0);
			expect(await deliveryOf(world, job)).toMatchObject({ state: "pending", attempts: 1, nextAttemptAt: began + LEASE_MS });
			await world.pass(1);
			expect(await attemptsOf(world, job)).toMatchObject([
				{ n: 1, outcome: "interrupted", reason: "lease_expired", status: null, startedAt: began, nextAttemptAt: began + LEASE_MS },
				{ n: 2, outcome: "delivered", reason: "acknowledged", status: 200, startedAt: began + LEASE_MS },
			]);
			expect(attemptNumbers(world)).toEqual(["2"]);
			expect(world.lines.filter(({ what }) => what === "attempt.interrupted").map(({ fields }) => fields)).toEqual([
				{ app: world.appId, job, delivery: (await deliveryOf(world, job)).id, target: "job", n: 1 },
			]);
		});

		it("is not the last in a long line: all that a killed process held are free again at once", async () => {
			const urls = Array.from({ length: 120 }, (_, i) => `https://receiver-${i}.example.com/`);
			await Promise.all(urls.map((url) => world.endpoint({ url, event_types: ["job.completed"] })));
			await finished(world, NO_URL);
			expect((await world.claimAndDie()).started).toBe(120);
			world.jump(LEASE_MS);
			await releaseInterrupted(world.deps);
			expect((await world.claimAndDie()).started).toBe(120);
		});

		it("spends none of the delivery's attempts, however often", async () => {
			answers(world, 500);
			const job = await finished(world);
			for (let i = 0; i < 4; i++) {
				await world.claimAndDie();
				world.restart();
				world.jump(LEASE_MS);
				await releaseInterrupted(world.deps);
			}
			await world.pass(600_000);
			const outcomes = (await attemptsOf(world, job)).map(({ n, outcome }) => `${n} ${outcome}`);
			expect(outcomes).toEqual([
				...["1 interrupted", "2 interrupted", "3 interrupted", "4 interrupted"],
				...["5 failed", "6 failed", "7 failed"],
			]);
			expect(await deliveryOf(world, job)).toMatchObject({ state: "exhausted", attempts: 7 });
		});
	});

	describe("a delivery that meets nothing but our own troubles", () => {
		let world: World;
		const HOURS = 3_600_000;
		beforeEach(async () => {
			world = await openWorld(await open(), { env: { DELIVERY_MAX_AGE_H: "2" } });
		});
		afterEach(() => world.close());

		it("ends with its age where every attempt of it is interrupted", async () => {
			const job = await finished(world);
			for (let spent = 0; spent < 2 * HOURS; spent += LEASE_MS) {
				expect((await world.claimAndDie()).started).toBe(1);
				world.jump(LEASE_MS);
				await releaseInterrupted(world.deps);
			}
			world.jump(1);
			await world.claimAndDie();
			world.jump(LEASE_MS);
			await releaseInterrupted(world.deps);
			expect(await deliveryOf(world, job)).toMatchObject({ state: "exhausted", reason: "interrupted", nextAttemptAt: null });
			expect((await attemptsOf(world, job)).at(-1)).toMatchObject({ outcome: "interrupted", nextAttemptAt: null });
		});

		it("ends with its age where its secret stays sealed", async () => {
			const job = await finished(world);
			world.deps.secrets = new Secretbox([new Uint8Array(32).fill(8)]);
			await world.pass(5 * HOURS);
			const { endedAt, createdAt, ...delivery } = await deliveryOf(world, job);
			expect(delivery).toMatchObject({ state: "exhausted", reason: "secret_sealed", nextAttemptAt: null });
			expect(endedAt! - createdAt).toBeGreaterThan(1.8 * HOURS);
			expect(endedAt! - createdAt).toBeLessThanOrEqual(2 * HOURS);
			expect((await attemptsOf(world, job)).at(-1)).toMatchObject({ outcome: "interrupted", nextAttemptAt: null });
			expect(world.callbacks).toEqual([]);
		});
	});

	describe("an attempt that comes back after its lease", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		it.each([
			[200, { outcome: "delivered", reason: "acknowledged", status: 200 }],
			[410, { outcome: "failed", reason: "http_410", status: 410 }],
		])("with %i is recorded as it went, and changes nothing: the next one decides", async (status, late) => {
			const began = world.now();
			const waiting = holdCallbacks(world);
			const job = await finished(world);
			const slow = world.run();
			await expect.poll(() => waiting.length).toBe(1);
			world.jump(LEASE_MS);
			answers(world, 500, 200);
			await world.run();
			const { firstFailedAt: _, ...after } = await deliveryOf(world, job); // that is read from the attempts
			expect(after).toMatchObject({ state: "pending", attempts: 2, reason: "http_500" });
			waiting[0]!.settle(status);
			await slow;
			expect(await deliveryOf(world, job)).toMatchObject(after);
			expect(await attemptsOf(world, job)).toMatchObject([
				{ n: 1, ...late, startedAt: began, durationMs: LEASE_MS },
				{ n: 2, outcome: "failed", status: 500 },
			]);
			await world.pass(600_000);
			expect(await deliveryOf(world, job)).toMatchObject({ state: "delivered", attempts: 3 });
		});
	});

	describe("a secret that does not open", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		it("is our trouble: nothing is sent, nothing is spent, and all is sent once the master key is back", async () => {
			const job = await finished(world);
			const right = world.deps.secrets;
			world.deps.secrets = new Secretbox([new Uint8Array(32).fill(8)]);
			await world.pass(5 * 3_600_000);
			expect(world.callbacks).toHaveLength(0);
			expect(await deliveryOf(world, job)).toMatchObject({ state: "pending", reason: "secret_sealed" });
			const tries = await attemptsOf(world, job);
			expect(new Set(tries.map(({ outcome, reason }) => `${outcome} ${reason}`))).toEqual(new Set(["interrupted secret_sealed"]));
			expect(tries.length).toBeLessThan(40); // every ten minutes at last
			const lines = world.lines.filter(({ what }) => what === "secret.unreadable");
			expect(lines[0]).toMatchObject({ level: "error", fields: { app: world.appId, target: "job", what: "secret" } });
			expect(lines).toHaveLength(tries.length);

			world.deps.secrets = right;
			answers(world, 500, 200);
			await world.pass(1_200_000);
			expect((await attemptsOf(world, job)).slice(tries.length).map(({ status }) => status)).toEqual([500, 200]);
			const [first, second] = (await attemptsOf(world, job)).slice(tries.length);
			expect(second!.startedAt - first!.startedAt).toBe(5500); // the first delay of the schedule: nothing was spent before
			expect(await deliveryOf(world, job)).toMatchObject({ state: "delivered" });
		});
	});
}
