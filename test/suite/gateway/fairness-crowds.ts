import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { openWorld, type World } from "../../support/world.ts";
import { otherApp } from "./doors.ts";
import { due, hanging, processOf, times } from "./fairness-tools.ts";

const SMALL = "https://small.example.com/hooks";
const hangs = (i: number) => `https://hangs-${i}.example.com/hooks`;

/** Who gets the slots of a process, counted in rounds and slots: no time passes. Workers have none, and do not run this. */
export function crowds(open: () => Promise<Db>): void {
	describe("many receivers that hang", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());
		const served = (url: string) => world.callbacks.filter((callback) => callback.url === url).length;

		it("of one app, 60 endpoints, hold at most four fifths of a process, and another app is served in each round", async () => {
			const waiting = hanging(world, (url) => url.startsWith("https://hangs"));
			const other = await otherApp(world);
			const ids = await Promise.all(times(60, async (i) => (await world.endpoint({ url: hangs(i) })).id));
			await due(
				world,
				world.appId,
				ids.flatMap((endpoint) => times(12, () => ({ endpoint }))),
			);
			const service = processOf(world);
			for (let round = 1; round <= 6; round++) {
				await due(
					world,
					other.id,
					times(10, () => ({ url: SMALL })),
				);
				await service.round();
				expect(served(SMALL), `round ${round}`).toBe(10 * round);
			}
			expect(waiting.open()).toBeGreaterThanOrEqual(300);
			expect(waiting.open()).toBeLessThanOrEqual(400);
			const quick = "https://quick.example.com/hooks";
			await due(
				world,
				world.appId,
				times(5, () => ({ url: quick })),
			);
			for (let round = 0; round < 5; round++) await service.round();
			expect(served(quick)).toBe(5); // its own endpoints have what is left of its share
			await waiting.letGo();
		});

		it.each([500, 20, 5, 2])(
			"at thousands of origins, due at once, keep another app's one delivery from no more than two rounds, with %i slots",
			async (slots) => {
				await world.close();
				world = await openWorld(await open(), { env: { PROCESS_CONCURRENCY: String(slots) } });
				const waiting = hanging(world, (url) => url.startsWith("https://hangs"));
				const other = await otherApp(world, "zzz");
				await due(
					world,
					world.appId,
					times(2100, (i) => ({ url: hangs(i) })),
				);
				const service = processOf(world);
				for (let round = 0; round < 4; round++) await service.round();
				const held = waiting.open();
				expect(held).toBe(Math.max(1, Math.floor(slots * 0.8)));
				const rounds: number[] = [];
				for (let news = 1; news <= 5; news++) {
					await due(world, other.id, [{ url: SMALL }]);
					let round = 0;
					while (served(SMALL) < news && round < 100) {
						await service.round();
						round++;
					}
					rounds.push(round);
				}
				expect(Math.max(...rounds)).toBeLessThanOrEqual(2);
				expect(waiting.open()).toBe(held);
				await waiting.letGo();
			},
		);
	});
}
