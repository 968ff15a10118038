import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compileSql } from "../../../src/db/compile.ts";
import type { Db } from "../../../src/db/db.ts";
import { openWorld, type World } from "../../support/world.ts";
import { due, hanging, processOf, times } from "./fairness-tools.ts";

const attemptsByState = compileSql<unknown, { state: string; attempts: number; rows: number }>(
	["state", "attempts", "rows"],
	() => sql`SELECT state, attempts, count(*) FROM deliveries GROUP BY state, attempts`,
);

const hangs = (i: number) => `https://hangs-${i}.example.com/hooks`;

/** What a receiver may have at once, and in a time: over two processes, and nobody else waits for it. */
export function fairness(open: () => Promise<Db>): void {
	describe("receivers that hang", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());
		const served = (url: string) => world.callbacks.filter((callback) => callback.url === url).length;

		it("hold ten slots each, and all others are served in the same round", async () => {
			const waiting = hanging(world, (url) => url.startsWith("https://hangs"));
			const urls = [hangs(0), ...times(29, (i) => `https://quick-${i}.example.com/hooks`)];
			const ids = await Promise.all(urls.map(async (url) => (await world.endpoint({ url })).id));
			const service = processOf(world);
			for (let wave = 1; wave <= 2; wave++) {
				await due(
					world,
					world.appId,
					ids.flatMap((endpoint, i) => times(i === 0 ? 40 : 2, () => ({ endpoint }))),
				);
				await service.round();
				expect(urls.slice(1).map(served)).toEqual(times(29, () => 2 * wave));
				expect(waiting.open()).toBeLessThanOrEqual(10);
				await service.round();
				expect([waiting.open(), service.inFlight()]).toEqual([10, 10]);
			}
			await waiting.letGo();
			await service.round();
			expect(waiting.open()).toBe(10);
			await waiting.letGo();
		});
	});

	describe("an endpoint with limits of its own, over two processes", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());
		const begun = () => world.callbacks.map(({ atMs }) => atMs);

		it("has no more attempts in flight than it wants", async () => {
			const waiting = hanging(world, () => true);
			const { id } = await world.endpoint({ max_in_flight: 3 });
			await due(
				world,
				world.appId,
				times(9, () => ({ endpoint: id })),
			);
			const processes = [processOf(world), processOf(world)];
			for (let round = 0; round < 40 && begun().length < 9; round++) {
				await Promise.all(processes.map((service) => service.round()));
				expect(waiting.open()).toBeLessThanOrEqual(3);
				if (round % 2 === 1) await waiting.letGo();
			}
			await waiting.letGo();
			expect([begun().length, waiting.most()]).toEqual([9, 3]);
		});

		it("gets no more in any of its periods than it wants, evenly, and waiting spends no attempt", async () => {
			hanging(world, () => false);
			const { id } = await world.endpoint({ rate: { limit: 5, period_s: 10 } });
			await due(
				world,
				world.appId,
				times(12, () => ({ endpoint: id })),
			);
			const processes = [processOf(world), processOf(world)];
			for (let step = 0; step < 24; step++) {
				await Promise.all(processes.map((service) => service.round()));
				world.jump(1000);
			}
			const at = begun();
			expect(at).toHaveLength(12);
			expect(Math.max(...at.map((from) => at.filter((one) => one >= from && one < from + 10_000).length))).toBe(5);
			expect(at.at(-1)! - at[0]!).toBe(22_000);
			expect(await world.deps.db.read(attemptsByState.bind({}))).toEqual([{ state: "delivered", attempts: 1, rows: 12 }]);
		});

		it("and a pace is looked at again when it may have the next one, though the last one hangs", async () => {
			const waiting = hanging(world, () => true);
			const { id } = await world.endpoint({ rate: { limit: 20, period_s: 10 } });
			await due(
				world,
				world.appId,
				times(5, () => ({ endpoint: id })),
			);
			const service = processOf(world);
			expect(await service.round()).toBe(world.now() + 500);
			expect(waiting.open()).toBe(1);
			world.jump(500);
			await service.round();
			expect(waiting.open()).toBe(2);
			await waiting.letGo();
		});
	});
}
