import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { answer, openWorld, RECEIVER, type World } from "../../support/world.ts";
import { allFinished, answers, attemptsOf, deliveryOf, finished, holdCallbacks, NO_URL } from "./callbacks.ts";

const SECOND = 1000;
const DAY = 86_400_000;
type Shown = Record<string, unknown> & { id: string };

/** What an endpoint asks for differs from what others get, and holds for it alone. */
export function endpointRules(open: () => Promise<Db>): void {
	describe("an endpoint's own rules", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		const call = async (method: string, path: string, body: object) => {
			const response = await world.request(path, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
			return { status: response.status, body: (await response.json()) as Shown };
		};
		const create = (over: object) => call("POST", "/v1/endpoints", { url: RECEIVER, event_types: ["job.completed"], ...over });
		const change = (id: string, over: object) => call("PATCH", `/v1/endpoints/${id}`, over);
		const made = async (over: object) => (await create(over)).body.id;

		it("are the settings' where none is given, and are shown", async () => {
			const { body } = await create({});
			const none = { retry_schedule: "standard", timeout_ms: null, max_in_flight: null, rate: null };
			expect(body).toMatchObject(none);
			const own = { retry_schedule: [10, 60], timeout_ms: 20_000, max_in_flight: 2, rate: { limit: 30, period_s: 60 } };
			expect((await change(body.id, own)).body).toMatchObject(own);
			expect((await change(body.id, { description: "as it was" })).body).toMatchObject(own);
			expect((await change(body.id, { retry_schedule: "deapi", rate: null })).body).toMatchObject({
				...own,
				retry_schedule: "deapi",
				rate: null,
			});
			expect((await change(body.id, none)).body).toMatchObject(none);
		});

		it.each<[string, unknown, string]>([
			["retry_schedule", "often", "must be standard, deapi, or a list of 1 to 50 delays in whole seconds, each 1 to 86400"],
			["retry_schedule", [], "must have 1 to 50 delays"],
			["retry_schedule.0", [0], "must be whole seconds, 1 to 86400"],
			["retry_schedule", [5, 1.5], "must be standard, deapi, or a list of 1 to 50 delays in whole seconds, each 1 to 86400"],
			[
				"retry_schedule",
				[86_400, 86_400, 86_400, 28_801],
				"must add up to at most 80 hours: each delay may be a fifth longer, and a delivery older than DELIVERY_MAX_AGE_H is not tried",
			],
			["timeout_ms", 999, "must be whole milliseconds, 1000 to 30000"],
			["timeout_ms", 30_001, "must be whole milliseconds, 1000 to 30000"],
			["timeout_ms", 1500.5, "must be whole milliseconds, 1000 to 30000"],
			["timeout_ms", "20000", "must be whole milliseconds, 1000 to 30000"],
			["max_in_flight", 0, "must be a whole number, 1 to 100"],
			["max_in_flight", 101, "must be a whole number, 1 to 100"],
			["rate", "fast", "must have limit and period_s, or be null"],
			["rate.limit", { limit: 0, period_s: 1 }, "must be a whole number, 1 to 1000000"],
			["rate.limit", { period_s: 1 }, "must be a whole number, 1 to 1000000"],
			["rate.limit", { limit: 101, period_s: 1 }, "must be at most 100 a second; leave the rate out for more"],
			["rate.period_s", { limit: 1, period_s: 86_401 }, "must be whole seconds, 1 to 86400"],
			["rate.period_s", { limit: 1 }, "must be whole seconds, 1 to 86400"],
		])("are refused where %s is %j", async (field, value, message) => {
			const id = await made({});
			const wish = { [field.split(".")[0]!]: value };
			for (const { status, body } of [await create(wish), await change(id, wish)]) {
				expect(status).toBe(422);
				expect((body["error"] as { details: unknown }).details).toEqual([{ field, message }]);
			}
		});

		it.each([
			["deapi", [60, 120, 300, 600, 1800, 3600, 10_800, 21_600, 43_200]],
			[
				[7, 70],
				[7, 70],
			],
		])("say when it is tried again: %j", async (schedule, delays) => {
			await made({ retry_schedule: schedule });
			answers(world, 500);
			const job = await finished(world, NO_URL);
			await world.pass(4 * DAY);
			const at = (await attemptsOf(world, job)).map(({ startedAt }) => startedAt);
			expect(at.slice(1).map((time, i) => time - at[i]!)).toEqual(delays.map((s) => Math.round(s * 1.1 * SECOND)));
			expect(await deliveryOf(world, job)).toMatchObject({ state: "exhausted" });
		});

		it("say how long an attempt may take, and its lease is longer", async () => {
			const id = await made({ timeout_ms: 30_000 });
			const deadlines: number[] = [];
			world.onRequest(({ url, deadlineMs }) => {
				if (url === RECEIVER) deadlines.push(deadlineMs);
				return null;
			});
			const waiting = holdCallbacks(world);
			const job = await finished(world, NO_URL);
			const round = world.run();
			await expect.poll(() => waiting.length).toBe(1);
			const { nextAttemptAt } = await deliveryOf(world, job);
			expect(nextAttemptAt).toBe(world.now() + 2 * 30_000 + 25_000);
			waiting[0]!.settle(200);
			await round;
			expect(deadlines).toEqual([30_000]);
			expect((await change(id, { timeout_ms: null })).status).toBe(200);
			world.onCallback(() => answer(200));
			await finished(world, NO_URL);
			await world.run();
			expect(deadlines).toEqual([30_000, 10_000]);
		});

		it("say how many attempts go at once", async () => {
			await made({ max_in_flight: 3 });
			const waiting = holdCallbacks(world);
			await allFinished(world, 8, NO_URL);
			const round = world.run();
			await expect.poll(() => waiting.length).toBe(3);
			await world.settle();
			expect(waiting).toHaveLength(3);
			for (let done = 0; done < 8; done++) {
				await expect.poll(() => waiting.length).toBeGreaterThan(done);
				waiting[done]!.settle(200);
			}
			await round;
			while (world.callbacks.length < 8) await world.run();
			expect(world.callbacks).toHaveLength(8);
		});

		it("say how many start in a time: what waits for that spends no attempt", async () => {
			await made({ rate: { limit: 6, period_s: 60 } });
			const jobs = await allFinished(world, 5, NO_URL);
			const began = world.now();
			await world.pass(15 * SECOND);
			expect(world.callbacks.map(({ atMs }) => atMs - began)).toEqual([0, 10 * SECOND]);
			const waiting = await deliveryOf(world, jobs[4]!);
			expect(waiting).toMatchObject({ state: "pending", attempts: 0 });
			await world.pass(60 * SECOND);
			expect(world.callbacks.map(({ atMs }) => atMs - began)).toEqual([0, 10, 20, 30, 40].map((s) => s * SECOND));
			for (const job of jobs) expect(await deliveryOf(world, job)).toMatchObject({ state: "delivered", attempts: 1 });
		});

		it("that are lifted count at once, for what waits already, too", async () => {
			const id = await made({ rate: { limit: 1, period_s: 86_400 } });
			await allFinished(world, 4, NO_URL);
			await world.pass(60 * SECOND);
			expect(world.callbacks).toHaveLength(1);
			await change(id, { rate: { limit: 1, period_s: 10 } });
			await world.pass(15 * SECOND);
			expect(world.callbacks).toHaveLength(2);
			await change(id, { rate: null });
			await world.run();
			expect(world.callbacks).toHaveLength(4);
		});

		it("and pauses are named where a delivery waits for them, with the time when it goes", async () => {
			const waiting = async (job: string) => {
				const [delivery] = ((await (await world.request(`/v1/deliveries?job=${job}`)).json()) as { data: Shown[] }).data;
				const [entry] = (await world.timeline(job)).filter(({ kind, what }) => kind === "delivery" && what === "pending");
				expect([entry!["next_at"], entry!["waits_for"]]).toEqual([delivery!["next_at"], delivery!["waits_for"]]);
				return [delivery!["waits_for"], (Date.parse(delivery!["next_at"] as string) - began) / SECOND];
			};
			const id = await made({ rate: { limit: 1, period_s: 600 } });
			const [, second] = await allFinished(world, 2, NO_URL);
			const began = world.now();
			await world.run();
			expect(await waiting(second!)).toEqual(["rate", 600]);
			answers(world, [429, { "retry-after": "50" }], 500);
			await change(id, { rate: null });
			await world.run();
			expect(await waiting(second!)).toEqual([null, 66]);
			const third = await finished(world, NO_URL);
			expect(await waiting(third)).toEqual(["http_429", 50]);
			await world.pass(50 * SECOND);
			await allFinished(world, 12, NO_URL);
			await world.pass(15 * SECOND);
			const fresh = await finished(world, NO_URL);
			expect(await waiting(fresh)).toEqual(["breaker_open", expect.any(Number)]);
			const said = world.lines.filter(({ what }) => what.startsWith("breaker.")).map(({ what, fields }) => [what, fields["lane"]]);
			expect(said).toEqual([["breaker.opened", id]]);
			world.onCallback(() => answer(200));
			await world.pass(600 * SECOND);
			expect(world.lines.filter(({ what }) => what === "breaker.closed")).toHaveLength(1);
		});

		it("are another receiver's once the URL is changed: its pause, its breaker and its failures are forgotten", async () => {
			const id = await made({});
			answers(world, 500);
			await allFinished(world, 12, NO_URL);
			await world.pass(20 * SECOND);
			const tried = world.callbacks.length;
			const view = async () => (await world.request(`/v1/endpoints/${id}`)).json() as Promise<Shown>;
			const { failing_since, failures, paused_until, pause_reason } = await view();
			expect({ failures, pause_reason }).toEqual({ failures: tried, pause_reason: "breaker_open" });
			expect(Date.parse(failing_since as string)).toBe(world.callbacks[0]!.atMs);
			expect(Date.parse(paused_until as string)).toBeGreaterThan(world.now());
			await world.pass(5 * SECOND);
			expect(world.callbacks).toHaveLength(tried); // open
			world.onCallback(() => answer(200));
			await change(id, { url: "https://elsewhere.example.com/hooks" });
			const WELL = { failing_since: null, failures: 0, paused_until: null, pause_reason: null };
			expect(await view()).toMatchObject(WELL);
			await world.pass(40 * SECOND);
			expect(await view()).toMatchObject(WELL);
			const arrived = world.callbacks.slice(tried);
			expect(arrived.map(({ url }) => url)).toEqual(Array(12).fill("https://elsewhere.example.com/hooks"));
		});
	});
}
