import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApp } from "../../../src/access/apps.ts";
import type { Db } from "../../../src/db/db.ts";
import { laneOfUrl } from "../../../src/outbound/fanout.ts";
import { feedJobs } from "./jobs.ts";
import { countBy, type Faults, HOUR, MINUTE, openFaults, SECOND, steadily, TEST_MS, tell } from "./tools.ts";

/** Where every attempt fails: open 30 s, and each time twice as long, up to 10 min. */
const OPEN = [30, 60, 120, 240, 480, 600, 600].map((seconds) => seconds * SECOND);

export function breaker(open: () => Promise<Db>): void {
	describe("the breaker of a receiver that fails", { timeout: TEST_MS }, () => {
		let faults: Faults;
		beforeEach(async () => {
			faults = await openFaults(await open());
		});
		afterEach(() => faults.close());

		it("while it is open spends no attempt, then tries one at a time, and opens for twice as long, up to ten minutes", async () => {
			const { world, play, feed } = faults;
			world.deps.random = () => 0;
			const receiver = await faults.receiver(10);
			receiver.answers(() => 500);
			const { id } = await world.endpoint({ url: receiver.url, event_types: ["job.completed"] });
			const began = world.now();
			await feed(steadily(began, 10, 30 * SECOND, 500));
			await play(HOUR, { sweepMs: 10 * MINUTE });

			const times = receiver.arrivals.map(({ atMs }) => atMs - began);
			const looks = times.filter((at, i) => i === 0 || at - times[i - 1]! > 10 * SECOND);
			expect(times.filter((at) => at < looks[1]!).length).toBeLessThanOrEqual(20);
			const probes = times.filter((at) => at >= looks[1]!);
			expect(probes.length).toBeLessThanOrEqual(2 * (looks.length - 1));
			const gaps = looks.slice(1).map((at) => at - times.findLast((before) => before < at)!);
			expect(gaps.length).toBeGreaterThan(OPEN.length);
			for (const [i, gap] of gaps.entries()) {
				const open = OPEN[Math.min(i, OPEN.length - 1)]!;
				expect(gap).toSatisfy((ms: number) => ms >= open && ms <= open + 20);
			}
			// as many rows and as much budget as requests
			const rows = await faults.deliveries(id);
			const spent = (key: "attempts" | "failures") => rows.reduce((sum, row) => sum + row[key], 0);
			expect([spent("attempts"), spent("failures"), (await faults.attempts(id)).length]).toEqual([
				times.length,
				times.length,
				times.length,
			]);
			tell(
				faults,
				"breaker",
				`300 deliveries wait for an hour: ${times.length - probes.length} attempts, then ${probes.length} probes, ${gaps.map((gap) => Math.round(gap / SECOND)).join(", ")} s apart`,
			);
		});

		it("lets one attempt through at a time, and closes with the third that succeeds", async () => {
			const { world, play, feed, begin } = faults;
			const receiver = await faults.receiver();
			receiver.answers(() => 500);
			const { id } = await world.endpoint({ url: receiver.url, event_types: ["job.completed"] });
			await feed(steadily(world.now(), 20, 2 * SECOND));
			await play(3 * SECOND);
			const opened = await faults.lane(id);
			expect(opened.reason).toBe("breaker_open");
			const failed = receiver.arrivals.length;

			const held = faults.hold(receiver);
			world.jump(opened.notBefore - world.now() - 1);
			expect(await begin()).toBe(0);
			world.jump(1);
			for (let probe = 0; probe < 3; probe++) {
				expect([await begin(), await begin()]).toEqual([1, 0]);
				expect(held).toHaveLength(1);
				held.shift()!(200);
				await faults.ended();
			}
			expect([await begin(), await begin()]).toEqual([10, 0]);
			expect(await faults.lane(id)).toMatchObject({ probation: 0, strikes: 0, reason: null });
			for (const answer of held) answer(200);
			await faults.ended();
			receiver.answers(() => 200);
			await play(MINUTE);
			const rows = await faults.deliveries(id);
			expect(countBy(rows, ({ state }) => state)).toEqual({ delivered: rows.length });
			tell(faults, "breaker", `${failed} failures opened it; half-open: 1 at a time, closed by the third success, then 10 at once`);
		});

		it("of an endpoint does not concern the endpoint beside it", async () => {
			const { world, play, feed } = faults;
			const [ill, well] = [await faults.receiver(), await faults.receiver()];
			ill.answers(() => 500);
			for (const { url } of [ill, well]) await world.endpoint({ url, event_types: ["job.completed"] });
			await feed(steadily(world.now(), 10, 10 * SECOND, 500));
			await play(11 * SECOND);
			expect(well.arrivals).toHaveLength(100);
			expect(ill.arrivals.length).toBeLessThanOrEqual(20);
		});

		it("is shared by an app's jobs that name one origin, and by no other origin and no other app", async () => {
			const { world, play } = faults;
			const [ill, well] = [await faults.receiver(), await faults.receiver()];
			ill.answers(() => 500);
			const other = (await createApp(world.deps, "other"))!.id;
			const began = world.now();
			const path = (name: string) => ill.url.replace("/hooks", name);
			await feedJobs(world.deps.db, { appId: world.appId, url: path("/a") }, steadily(began, 10, 5 * SECOND));
			await play(6 * SECOND);
			expect((await faults.lane(laneOfUrl(world.appId, ill.url))).reason).toBe("breaker_open");
			const before = ill.arrivals.length;

			const now = world.now();
			await feedJobs(world.deps.db, { appId: world.appId, url: path("/b") }, [now]);
			await feedJobs(world.deps.db, { appId: world.appId, url: well.url }, [now]);
			await feedJobs(world.deps.db, { appId: other, url: path("/c") }, [now]);
			await play(SECOND);
			expect(ill.arrivals.slice(before).map(({ path: at }) => at)).toEqual(["/c"]);
			expect(well.arrivals).toHaveLength(1);

			ill.answers(() => 200);
			await play(HOUR);
			const rows = [ill.url, well.url].flatMap((url) => [world.appId, other].map((app) => laneOfUrl(app, url)));
			for (const lane of rows) expect(countBy(await faults.deliveries(lane), ({ state }) => state)).not.toHaveProperty("pending");
			expect(ill.arrivals.some(({ path: at }) => at === "/b")).toBe(true);
			tell(faults, "breaker", "two job URLs of one origin share it; another origin and another app were sent at once");
		});
	});
}
