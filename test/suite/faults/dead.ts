import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { laneOfUrl } from "../../../src/outbound/fanout.ts";
import { NOTICE_TYPES } from "../../../src/outbound/notices/types.ts";
import type { Receiver, Reply } from "../../support/receiver-server.ts";
import { feedJobs } from "./jobs.ts";
import { countBy, type Faults, HOUR, MINUTE, openFaults, TEST_MS, tell } from "./tools.ts";

const LONG = { sweepMs: HOUR };
const MADE = 60 + 12;
const TOLD = ["endpoint.failing", "endpoint.recovered", "endpoint.disabled"];

/** Row 25. */
export function dead(open: () => Promise<Db>): void {
	describe("a receiver that fails for days", { timeout: TEST_MS }, () => {
		let faults: Faults;
		let operator: Receiver;
		let receiver: Receiver;
		let began: number;
		beforeEach(async () => {
			faults = await openFaults(await open());
			[operator, receiver] = [await faults.receiver(), await faults.receiver()];
			await faults.world.endpoint({ url: operator.url, event_types: NOTICE_TYPES });
			began = faults.world.now();
		});
		afterEach(() => faults.close());

		/** It wants the operator's events, too, and must not get those about itself. */
		const endpoint = async (over: Record<string, unknown> = {}) =>
			(await faults.world.endpoint({ url: receiver.url, event_types: ["job.completed", ...TOLD], ...over })).id;
		const failsUntil = (hours: number, reply: Reply = 500) => receiver.answers(({ atMs }) => (atMs < began + hours * HOUR ? reply : 200));
		const every = (ms: number, hours: number, from = began) =>
			Array.from({ length: Math.ceil((hours * HOUR) / ms) }, (_, i) => from + i * ms);
		/** What the operator was told of it, and after how many hours. */
		const told = () =>
			operator.arrivals.filter(({ type }) => TOLD.includes(type)).map(({ type, atMs }) => [type, Math.floor((atMs - began) / HOUR)]);
		const states = async (id: string) => countBy(await faults.deliveries(id), ({ state }) => state);

		it("with news all the time is disabled once, after 120 hours and one notice; nothing is lost", async () => {
			const id = await endpoint();
			receiver.answers(() => 500);
			await faults.feed(every(2 * HOUR, 119));
			await faults.play(121 * HOUR, LONG);
			expect(told()).toEqual([
				["endpoint.failing", 24],
				["endpoint.disabled", 120],
			]);
			expect(await faults.stateOf(id)).toEqual({ state: "disabled", reason: "failing" });
			const atTheEnd = receiver.arrivals.length;

			await faults.feed(every(2 * HOUR, 24, faults.world.now())); // these come after it was disabled
			await faults.play(25 * HOUR, LONG);
			expect(receiver.arrivals.length).toBe(atTheEnd);
			const { held = 0, exhausted = 0, ...others } = await states(id);
			expect(others).toEqual({});
			expect(held + exhausted).toBe(MADE);
			expect(told()).toHaveLength(2);

			receiver.answers(() => 200);
			expect((await faults.post(`/v1/endpoints/${id}/enable`)).status).toBe(200);
			await faults.play(10 * MINUTE);
			expect(await states(id)).toEqual({ delivered: held, ...(exhausted > 0 ? { exhausted } : {}) });
			await faults.post(`/v1/endpoints/${id}/recover`, "POST", { since: new Date(began).toISOString() });
			await faults.play(10 * MINUTE);
			expect(await states(id)).toEqual({ delivered: MADE });
			expect(
				told()
					.slice(2)
					.map(([type]) => type),
			).toEqual(["endpoint.recovered"]);
			expect(receiver.arrivals.filter(({ type }) => type !== "job.completed")).toEqual([]);
			tell(
				faults,
				25,
				`dead for good, a delivery every two hours: ${atTheEnd} attempts, failing at 24 h, disabled once at 120 h, ${held} held (12 of them came after), ${exhausted} given up before; enabled: ${held} delivered; recovered: all ${MADE}`,
			);
		});

		it("with a handful of deliveries is disabled once, and what comes then is held", async () => {
			const id = await endpoint();
			failsUntil(200, "cut");
			await faults.feed([began, began + HOUR, began + 60 * HOUR]);
			await faults.play(150 * HOUR, LONG);
			expect(told()).toEqual([
				["endpoint.failing", 24],
				["endpoint.disabled", 120],
			]);
			await faults.feed([faults.world.now()]);
			await faults.play(100 * HOUR, LONG);
			const rows = await states(id);
			expect(rows).toEqual({ exhausted: 2, held: 2 });
			await faults.post(`/v1/endpoints/${id}/enable`);
			await faults.play(HOUR);
			expect(await states(id)).toEqual({ exhausted: 2, delivered: 2 });
			tell(
				faults,
				25,
				`3 deliveries: failing at 24 h, disabled once at 120 h, 2 held (1 came after), 2 given up after 12 attempts; enabled: 2 delivered`,
			);
		});

		it("and is well before 120 hours is not disabled: the operator is told of both", async () => {
			const id = await endpoint();
			failsUntil(119);
			await faults.feed(every(4 * HOUR, 119));
			await faults.play(200 * HOUR, LONG);
			expect(told().map(([type]) => type)).toEqual(["endpoint.failing", "endpoint.recovered"]);
			expect(told()[0]![1]).toBe(24);
			expect(await faults.stateOf(id)).toEqual({ state: "enabled", reason: null });
			tell(faults, 25, `119 h: failing at 24 h, recovered at ${told()[1]![1]} h, not disabled, ${JSON.stringify(await states(id))}`);
		});

		it("begins anew with each success", async () => {
			const id = await endpoint();
			const [first, second] = [began + 100 * HOUR, began + 101 * HOUR];
			receiver.answers(({ atMs }) => (atMs >= first && atMs < second ? 200 : 500));
			await faults.feed(every(4 * HOUR, 205));
			await faults.play(205 * HOUR, LONG);
			expect(told().map(([type]) => type)).toEqual(["endpoint.failing", "endpoint.recovered", "endpoint.failing"]);
			expect(await faults.stateOf(id)).toMatchObject({ state: "enabled" });
			await faults.play(20 * HOUR, LONG);
			const [, , again, disabled] = told();
			expect([again![0], disabled![0]]).toEqual(["endpoint.failing", "endpoint.disabled"]);
			tell(faults, 25, `a success at 100 h: failing again at ${again![1]} h, disabled at ${disabled![1]} h`);
		});

		it("is not disabled for two deliveries, nor for nineteen failures", async () => {
			const id = await endpoint({ event_types: ["job.completed"] });
			const few = await faults.receiver();
			few.answers(() => 500);
			const { id: rarely } = await faults.world.endpoint({ url: few.url, event_types: ["job.failed"], retry_schedule: [43_200] });
			receiver.answers(() => 500);
			await faults.feed([began, began + HOUR]);
			await faults.feed(
				[0, 12, 24, 36, 48, 60, 72, 84, 96, 129].map((hour) => began + hour * HOUR),
				"job.failed",
			);
			await faults.play(135 * HOUR, LONG);
			expect([(await faults.attempts(id)).length, (await faults.attempts(rarely)).length]).toEqual([24, 19]);
			for (const endpoint of [id, rarely]) expect(await faults.stateOf(endpoint)).toEqual({ state: "enabled", reason: null });
			expect(told().map(([type]) => type)).toEqual(["endpoint.failing", "endpoint.failing"]);
			await faults.play(10 * HOUR, LONG); // the twentieth
			expect(await faults.stateOf(rarely)).toEqual({ state: "disabled", reason: "failing" });
			tell(faults, 25, "135 h: 2 deliveries with 24 failures and 10 with 19 are not disabled; the 20th failure disables");
		});

		it("is disabled by deAPI's rule, where it was chosen, after ten failures in a row and not after nine", async () => {
			const id = await endpoint({ retry_schedule: "deapi" });
			receiver.answers(() => (receiver.arrivals.length === 10 ? 200 : 500));
			await faults.feed([began]);
			await faults.play(26 * HOUR, LONG);
			expect((await faults.deliveries(id)).map(({ state, attempts }) => [state, attempts])).toEqual([["delivered", 10]]);
			await faults.feed([faults.world.now(), faults.world.now()]);
			await faults.play(10 * MINUTE); // at 0, 1, 3 and 8 minutes
			expect(receiver.arrivals).toHaveLength(18);
			expect(await faults.stateOf(id)).toEqual({ state: "enabled", reason: null });
			await faults.play(HOUR); // at 18 minutes
			expect(receiver.arrivals).toHaveLength(20);
			expect(await faults.stateOf(id)).toEqual({ state: "disabled", reason: "failing" });
			expect(told().map(([type]) => type)).toEqual(["endpoint.failing", "endpoint.recovered", "endpoint.disabled"]);
			expect(await states(id)).toEqual({ delivered: 1, held: 2 });
			tell(faults, 25, "preset deapi: 9 failures and a success, then 8 failures: enabled; the 10th in a row disables, told once, 2 held");
		});

		it("is never disabled where it is a job's own URL", async () => {
			const url = receiver.url;
			const app = faults.world.appId;
			receiver.answers(() => 500);
			await feedJobs(faults.world.deps.db, { appId: app, url }, every(8 * HOUR, 130));
			await faults.play(131 * HOUR, LONG);
			receiver.answers(() => 200);
			await feedJobs(faults.world.deps.db, { appId: app, url }, [faults.world.now()]);
			await faults.play(96 * HOUR, LONG);
			const { delivered = 0, exhausted = 0, ...others } = await states(laneOfUrl(app, url));
			expect(others).toEqual({});
			expect(told()).toEqual([]);
			tell(
				faults,
				25,
				`a job's own URL dead for 131 h: never disabled, no endpoint notice; ${delivered} delivered after, ${exhausted} given up`,
			);
		});
	});
}
