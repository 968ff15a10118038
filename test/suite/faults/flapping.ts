import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import type { Load } from "../faults.ts";
import { DAY, delaysOf, type Faults, HOUR, MINUTE, openFaults, quantile, SECOND, steadily, TEST_MS, tell } from "./tools.ts";

const LATENCY = 20;
/** Then it is well: of so many deliveries some would fail twelve times by chance alone. */
const ILL_FOR = HOUR;

/** Row 23. */
export function flapping(open: () => Promise<Db>, { flapping: { perSecond, forMs, seeds } }: Load): void {
	describe("a receiver that is ill and well by turns", { timeout: 10 * TEST_MS }, () => {
		let faults: Faults;
		beforeEach(async () => {
			faults = await openFaults(await open());
		});
		afterEach(() => faults.close());

		async function flaps(what: string, ill: (atMs: number) => boolean, seed: number) {
			const { world, play, feed } = faults;
			world.deps.random = chances(seed);
			const receiver = await faults.receiver(LATENCY);
			const began = world.now();
			receiver.answers(({ atMs }) => (atMs - began < ILL_FOR && ill(atMs) ? 500 : 200));
			const { id } = await world.endpoint({ url: receiver.url, event_types: ["job.completed"] });
			await feed(steadily(began, perSecond, forMs, SECOND));
			await play(forMs);
			await play(7 * DAY, { sweepMs: MINUTE, until: async () => (await faults.pending(id)) === 0 });

			const rows = await faults.deliveries(id);
			const delays = delaysOf(rows);
			expect(await faults.stateOf(id)).toEqual({ state: "enabled", reason: null });
			const [p50, p95, most] = [0.5, 0.95, 1].map((share) => quantile(delays, share) / SECOND) as [number, number, number];
			const sent = (await faults.attempts(id)).length;
			const said = [p50, p95, most].map((s) => s.toFixed(1)).join(" / ");
			tell(
				faults,
				23,
				`${what}, ${perSecond}/s for ${forMs / MINUTE} min: ${rows.length} delivered in ${sent} attempts, late by ${said} s (p50 / p95 / most)`,
			);
			return { p50, p95, most };
		}

		/** Of sixteen one fails four times, which are 14 minutes by its schedule; what comes on top are rests of the breaker, which opens here. */
		it.each(seeds)("at random, half the time, gets all, nineteen of twenty within half an hour (%i)", async (seed) => {
			const chance = chances(seed + 100);
			const { p95 } = await flaps(`50 % at random (${seed})`, () => chance() < 0.5, seed);
			expect(p95).toBeLessThan(30 * 60);
		});

		/** The breaker is open while it is ill, and a little longer. */
		it("every 20 seconds gets all, nineteen of twenty within two minutes", async () => {
			const began = faults.world.now();
			const { p95 } = await flaps("on and off each 20 s", (atMs) => Math.floor((atMs - began) / (20 * SECOND)) % 2 === 1, 4);
			expect(p95).toBeLessThan(120);
		});
	});
}

/** The same each time (mulberry32). */
function chances(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
	};
}
