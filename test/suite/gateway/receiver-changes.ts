import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { answer, openWorld, RECEIVER, type World } from "../../support/world.ts";
import { allFinished, answers, attemptsOf, deliveryOf, endpointState, finished, holdCallbacks, NO_URL } from "./callbacks.ts";

const SECOND = 1000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ELSEWHERE = "https://elsewhere.example.com/hooks";
const OPERATOR = "https://operator.example.com/hooks";

/** An endpoint that is changed or switched is another receiver: what was asked, or went wrong, before is not its own. */
export function receiverChanges(open: () => Promise<Db>): void {
	describe("an endpoint that was changed", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		const change = (id: string, over: object) =>
			world.request(`/v1/endpoints/${id}`, {
				method: "PATCH",
				headers: { "content-type": "application/json" },
				body: JSON.stringify(over),
			});
		const act = (id: string, verb: string) => world.request(`/v1/endpoints/${id}/${verb}`, { method: "POST" });
		const view = async (id: string) => (await (await world.request(`/v1/endpoints/${id}`)).json()) as Record<string, unknown>;
		const only = { event_types: ["job.completed"] };

		it.each<[string, (id: string) => Promise<unknown>]>([
			["given another URL", (id) => change(id, { url: ELSEWHERE })],
			["disabled and enabled", async (id) => [await act(id, "disable"), await act(id, "enable")]],
		])("while an attempt was under way, %s, does not rest because the old one asks for that", async (_, switchIt) => {
			const { id } = await world.endpoint(only);
			const waiting = holdCallbacks(world);
			await finished(world, NO_URL);
			const round = world.run();
			await expect.poll(() => waiting.length).toBe(1);
			world.jump(5);
			await switchIt(id);
			world.jump(5);
			waiting[0]!.settle(429, { "retry-after": "86400" });
			await round;
			expect(await view(id)).toMatchObject({ paused_until: null, failures: 0 });
		});

		it("to the URL that it has is the same receiver: its pause and its failures stand", async () => {
			const { id } = await world.endpoint(only);
			answers(world, [429, { "retry-after": "3600" }]);
			await finished(world, NO_URL);
			await world.run();
			const before = await view(id);
			expect(before).toMatchObject({ failures: 1, pause_reason: "http_429" });
			world.jump(10);
			expect((await change(id, { url: RECEIVER, description: "the same" })).status).toBe(200);
			const { failures, failing_since, paused_until } = await view(id);
			expect({ failures, failing_since, paused_until }).toEqual({
				failures: 1,
				failing_since: before["failing_since"],
				paused_until: before["paused_until"],
			});
		});

		it("while it was answering 410 is told again a minute later, and not at once, whatever clocks say", async () => {
			const { id } = await world.endpoint(only);
			world.jump(HOUR);
			await act(id, "disable");
			await act(id, "enable");
			world.jump(-HOUR);
			answers(world, 410);
			const job = await finished(world, NO_URL);
			await world.pass(10 * SECOND);
			expect(await attemptsOf(world, job)).toHaveLength(1);
			expect(await endpointState(world, id)).toMatchObject({ state: "enabled" });
			expect(await deliveryOf(world, job)).toMatchObject({ state: "pending", nextAttemptAt: world.now() - 10 * SECOND + 60 * SECOND });
		});

		it("to deAPI's schedule counts its failures anew", async () => {
			const { id } = await world.endpoint(only);
			answers(world, 500);
			await allFinished(world, 2, NO_URL);
			await world.pass(20 * HOUR);
			expect((await view(id))["failures"]).toBeGreaterThan(10);
			await change(id, { retry_schedule: "deapi" });
			expect(await view(id)).toMatchObject({ failures: 0 });
			world.onCallback(() => answer(200));
			await world.pass(5 * HOUR);
			expect(await endpointState(world, id)).toMatchObject({ state: "enabled" });
		});

		it.each<[string, (id: string) => Promise<unknown>]>([
			["given another URL", (id) => change(id, { url: ELSEWHERE })],
			["disabled and enabled", async (id) => [await act(id, "disable"), await act(id, "enable")]],
		])("after the operator was told that it fails, %s, is told to be well with its first success", async (_, repair) => {
			await world.endpoint({ url: OPERATOR, event_types: ["endpoint.failing", "endpoint.recovered"] });
			const { id } = await world.endpoint(only);
			world.onCallback(({ url }) => answer(url === RECEIVER ? 500 : 200));
			const told = () => world.callbacks.filter(({ url }) => url === OPERATOR).map(({ headers }) => headers["x-deapi-event"]);
			await finished(world, NO_URL);
			await world.pass(30 * HOUR);
			expect(told()).toEqual(["endpoint.failing"]);
			await repair(id);
			await world.pass(HOUR);
			world.onCallback(() => answer(200));
			await world.pass(2 * DAY);
			expect(told()).toEqual(["endpoint.failing", "endpoint.recovered"]);
		});
	});

	describe("what is told of an endpoint", () => {
		it("never goes to its own URL, whichever endpoint has it", async () => {
			const world = await openWorld(await open());
			await world.endpoint({ url: RECEIVER, event_types: ["endpoint.disabled"] });
			await world.endpoint({ url: OPERATOR, event_types: ["endpoint.disabled"] });
			const { id } = await world.endpoint({ event_types: ["job.completed"] });
			world.onCallback(({ url }) => answer(url === RECEIVER ? 410 : 200));
			await finished(world, NO_URL);
			await world.pass(HOUR);
			const told = world.callbacks.filter(({ headers }) => headers["x-deapi-event"] === "endpoint.disabled");
			expect(told.map(({ url, body }) => [url, (JSON.parse(body) as { data: { endpoint: string } }).data.endpoint])).toEqual([
				[OPERATOR, id],
			]);
			await world.close();
		});
	});

	describe("a delivery that waits for days", () => {
		it("for its endpoint's rate has its whole budget when its turn comes", async () => {
			const world = await openWorld(await open());
			await world.endpoint({ event_types: ["job.completed"], rate: { limit: 1, period_s: 86_400 } });
			const jobs = await allFinished(world, 6, NO_URL);
			let calls = 0;
			world.onCallback(() => answer(++calls === 6 ? 503 : 200));
			await world.pass(8 * DAY);
			const ends = await Promise.all(jobs.map(async (job) => (await deliveryOf(world, job)).state));
			expect(ends).toEqual(Array(6).fill("delivered"));
			expect(calls).toBe(7);
			await world.close();
		});
	});
}
