import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { type Faults, HOUR, MINUTE, openFaults, SECOND, TEST_MS, tell } from "./tools.ts";

const DELAYS = [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, ...[1, 3, 6, 12, 24, 24].map((hours) => hours * HOUR)];
const OUTAGE = 60 * HOUR;

/** Row 22. */
export function schedule(open: () => Promise<Db>): void {
	describe("a receiver that answers 500 for 60 hours", { timeout: TEST_MS }, () => {
		let faults: Faults;
		beforeEach(async () => {
			faults = await openFaults(await open());
		});
		afterEach(() => faults.close());

		it.each([0, 0.5, 0.999])(
			"is told in at most twelve attempts, each up to a fifth after its time, where chance is %d",
			async (chance) => {
				const { world, play, feed } = faults;
				const receiver = await faults.receiver();
				const began = world.now();
				receiver.answers(({ atMs }) => (atMs < began + OUTAGE ? 500 : 200));
				const { id } = await world.endpoint({ url: receiver.url, event_types: ["job.completed"] });
				world.deps.random = () => chance;
				const made = [0, 1, 7, 20, 34, 47, 59].map((hour) => began + hour * HOUR);
				await feed(made);
				await play(150 * HOUR, { sweepMs: HOUR });

				const rows = await faults.deliveries(id);
				expect(rows.map(({ state }) => state)).toEqual(made.map(() => "delivered"));
				expect(Math.max(...rows.map(({ attempts }) => attempts))).toBeLessThanOrEqual(12);
				for (const row of rows) {
					const times = receiver.arrivals.filter(({ delivery }) => delivery === row.id).map(({ atMs }) => atMs);
					expect(times[0]).toBe(row.createdAt);
					const gaps = times.slice(1).map((at, i) => (at - times[i]!) / DELAYS[i]!);
					for (const gap of gaps) expect(gap).toSatisfy((share: number) => share >= 1 && share <= 1.2);
					expect(times.at(-2)!).toBeLessThan(began + OUTAGE);
					expect(times.at(-1)!).toBeGreaterThanOrEqual(began + OUTAGE);
				}
				const attempts = await faults.attempts(id);
				expect(new Set(attempts.map(({ delivery, n }) => `${delivery} ${n}`))).toEqual(
					new Set(receiver.arrivals.map(({ delivery, attempt }) => `${delivery} ${attempt}`)),
				);
				expect(attempts).toHaveLength(receiver.arrivals.length);
				expect(await faults.stateOf(id)).toEqual({ state: "enabled", reason: null });
				const [first] = rows;
				tell(
					faults,
					22,
					`chance ${chance}: delivered at attempt ${first!.attempts} after ${((first!.endedAt! - began) / HOUR).toFixed(2)} h, ${attempts.length} attempts of ${rows.length} deliveries`,
				);
			},
		);
	});
}
