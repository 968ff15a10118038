import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import type { Load } from "../faults.ts";
import { countBy, type Faults, HOUR, openFaults, SECOND, TEST_MS, tell } from "./tools.ts";

const LATENCY = 20;
const MIB = 1024 * 1024;

/** Row 38. */
export function herd(open: () => Promise<Db>, load: Load): void {
	describe("deliveries that are all due in one second", { timeout: 10 * TEST_MS }, () => {
		let faults: Faults;
		beforeEach(async () => {
			faults = await openFaults(await open());
		});
		afterEach(() => faults.close());

		it("leave evenly, inside the limits of each endpoint, and none is lost or sent twice", async () => {
			const { world, play, feed } = faults;
			const limits = [
				{ says: "10 slots", type: "job.completed", share: 0.9, slots: 10, perSecond: 500, rules: {} },
				{ says: "2 slots", type: "job.failed", share: 0.06, slots: 2, perSecond: 100, rules: { max_in_flight: 2 } },
				{
					says: "100 a second",
					type: "job.canceled",
					share: 0.04,
					slots: 10,
					perSecond: 100,
					rules: { rate: { limit: 6000, period_s: 60 } },
				},
			];
			const at = await Promise.all(limits.map(() => faults.receiver(LATENCY)));
			const ids: string[] = [];
			const began = world.now();
			for (const [i, { type, share, rules }] of limits.entries()) {
				ids.push((await world.endpoint({ url: at[i]!.url, event_types: [type], ...rules })).id);
				const count = Math.round(load.herd * share);
				await feed(
					Array.from({ length: count }, (_, n) => began + Math.floor((n * SECOND) / count)),
					type,
				);
			}
			const before = process.memoryUsage().rss;
			let highest = before;
			const watch = setInterval(() => {
				highest = Math.max(highest, process.memoryUsage().rss);
			}, 100);
			const done = async () => (await Promise.all(ids.map(faults.pending))).every((pending) => pending === 0);
			await play(HOUR, { until: done }).finally(() => clearInterval(watch));

			for (const [i, { says, share, slots, perSecond }] of limits.entries()) {
				const each = Math.round(load.herd * share);
				const { arrivals, count } = at[i]!;
				const rows = await faults.deliveries(ids[i]!);
				expect(countBy(rows, ({ state }) => state)).toEqual({ delivered: each });
				expect(new Set(arrivals.map(({ delivery }) => delivery)).size).toBe(arrivals.length);
				expect(arrivals).toHaveLength(each);
				expect(count.most).toBeLessThanOrEqual(slots);
				const seconds = Object.values(countBy(arrivals, ({ atMs }) => String(Math.floor((atMs - began) / SECOND))));
				const mean = each / seconds.length;
				const most = Math.max(...seconds);
				expect(most).toBeLessThanOrEqual(3 * mean);
				expect(most).toBeLessThanOrEqual(perSecond + slots);
				expect(seconds.length).toBeLessThan((1.1 * each) / perSecond + 3); // and as fast as they allow
				tell(
					faults,
					38,
					`${each} to an endpoint with ${says}: ${seconds.length} s, at most ${most} a second (mean ${mean.toFixed(0)}), ${count.most} at once`,
				);
			}
			const grown = (highest - before) / MIB;
			tell(faults, 38, `${load.herd} due in one second: memory grew by ${grown.toFixed(0)} MiB, the receivers of the test included`);
			expect(grown).toBeLessThan(500);
		});
	});
}
