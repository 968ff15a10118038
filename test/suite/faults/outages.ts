import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { NOTICE_TYPES } from "../../../src/outbound/notices/types.ts";
import type { Reply } from "../../support/receiver-server.ts";
import type { Load } from "../faults.ts";
import { delaysOf, type Faults, MINUTE, openFaults, quantile, SECOND, steadily, TEST_MS, tell } from "./tools.ts";

const LATENCY = 20;
const BACK_WITHIN = 2 * MINUTE;

/** Row 24. */
export function outages(open: () => Promise<Db>, load: Load): void {
	describe("a receiver that is gone", { timeout: 10 * TEST_MS }, () => {
		let faults: Faults;
		beforeEach(async () => {
			faults = await openFaults(await open());
		});
		afterEach(() => faults.close());

		async function outage({ from, lasts, after, perSecond, reply, slots }: Outage) {
			const { world, play, feed } = faults;
			const [receiver, operator] = [await faults.receiver(LATENCY), await faults.receiver()];
			await world.endpoint({ url: operator.url, event_types: NOTICE_TYPES });
			const { id } = await world.endpoint({ url: receiver.url, event_types: ["job.completed"], max_in_flight: slots });
			const began = world.now();
			const [gone, back] = [began + from, began + from + lasts];
			receiver.answers(({ atMs }) => (atMs >= gone && atMs < back ? reply : 200));
			await feed(steadily(began, perSecond, from + lasts + after, perSecond < 100 ? 500 : 20));
			await play(from + lasts + BACK_WITHIN);

			const due = (await faults.deliveries(id)).filter(({ createdAt }) => createdAt < back);
			const delays = delaysOf(due); // each of them, two minutes after the return
			expect(await faults.stateOf(id)).toEqual({ state: "enabled", reason: null });
			expect(operator.arrivals).toEqual([]);
			const last = Math.max(...due.map(({ endedAt }) => endedAt ?? 0));
			const [p95, most] = [quantile(delays, 0.95) / SECOND, quantile(delays, 1) / SECOND];
			const failed = (await faults.attempts(id)).filter(({ outcome }) => outcome === "failed").length;
			tell(
				faults,
				24,
				`${lasts / SECOND} s of outage at ${perSecond}/s, ${slots ?? 10} slots: ${due.length} deliveries, ${failed} failed attempts, all delivered ${((last - back) / SECOND).toFixed(1)} s after the return (late by ${p95.toFixed(1)} s p95, ${most.toFixed(1)} s at most), not disabled`,
			);
			expect(receiver.count.most).toBeLessThanOrEqual(slots ?? 10);
		}

		it("for two seconds is not disabled, and has all soon after", () =>
			outage({ from: 3 * SECOND, lasts: 2 * SECOND, after: 2 * SECOND, perSecond: load.shortOutage, reply: "cut", slots: null }));

		it("for six minutes is not disabled, and has all within two minutes after", async () => {
			// ten slots at 20 ms are 500 a second: what has gathered at 200 a second in 450 s needs more to be gone in time
			const slots = load.longOutage > 20 ? 100 : null;
			await outage({ from: 10 * SECOND, lasts: 6 * MINUTE, after: MINUTE, perSecond: load.longOutage, reply: 500, slots });
		});
	});
}
interface Outage {
	from: number;
	lasts: number;
	/** How long news goes on after it. */
	after: number;
	perSecond: number;
	reply: Reply;
	slots: number | null;
}
