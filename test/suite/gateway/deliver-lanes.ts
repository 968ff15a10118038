import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { answer, openWorld, type World } from "../../support/world.ts";
import { allFinished, answers, attemptNumbers, finished, holdCallbacks, NO_URL } from "./callbacks.ts";
import { deliveriesOf } from "./tools.ts";

const TIRED = "https://tired.example.com/hooks";
const FRESH = "https://fresh.example.com/hooks";

/** What one receiver asks for is between it and us: it holds for all that goes there, and for nothing else. */
export function lanes(open: () => Promise<Db>): void {
	describe("a receiver that is out of breath", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
			for (const url of [TIRED, FRESH]) await world.endpoint({ url, event_types: ["job.completed"] });
		});
		afterEach(() => world.close());

		const seen = (url: string, since: number) => world.callbacks.filter((callback) => callback.url === url).map(({ atMs }) => atMs - since);

		it.each([429, 503])("and says so with %i and Retry-After is left alone until then, while others are served", async (status) => {
			world.onCallback(({ url }) => (url === TIRED && world.now() < until ? answer(status, { "retry-after": "300" }) : answer(200)));
			const began = world.now();
			const until = began + 300_000;
			await finished(world, NO_URL);
			await world.pass(60_000);
			await finished(world, NO_URL);
			await world.pass(300_000);
			expect(seen(TIRED, began)).toEqual([0, 300_000, 300_000]);
			expect(seen(FRESH, began)).toEqual([0, 60_000]);
		});

		it("and says so with 429 alone is left alone for a minute", async () => {
			world.onCallback(({ url }) => answer(url === TIRED && world.now() === began ? 429 : 200));
			const began = world.now();
			await finished(world, NO_URL);
			await world.pass(10_000);
			await finished(world, NO_URL);
			await world.pass(300_000);
			expect(seen(TIRED, began)).toEqual([0, 60_000, 66_000]);
			expect(seen(FRESH, began)).toEqual([0, 10_000]);
		});

		it("with 503 alone is asked again by schedule, and so is the next delivery", async () => {
			world.onCallback(({ url }) => answer(url === TIRED && world.now() === began ? 503 : 200));
			const began = world.now();
			await finished(world, NO_URL);
			await world.pass(1000);
			await finished(world, NO_URL);
			await world.pass(300_000);
			expect(seen(TIRED, began)).toEqual([0, 1000, 5500]);
		});

		it("does not shorten a longer pause with a shorter one", async () => {
			const waiting = holdCallbacks(world);
			await allFinished(world, 2, NO_URL);
			const round = world.run();
			await expect.poll(() => waiting.length).toBe(4);
			const began = world.now();
			const tired = waiting.filter(({ callback }) => callback.url === TIRED);
			for (const { settle } of waiting.filter((one) => !tired.includes(one))) settle(200);
			tired[0]!.settle(429, { "retry-after": "600" });
			tired[1]!.settle(429, { "retry-after": "120" });
			await round;
			answers(world, 200);
			await world.pass(3_600_000);
			expect(seen(TIRED, began)).toEqual([0, 0, 600_000, 600_000]);
		});
	});

	describe("a receiver that is slow", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		it("holds at most ten attempts in flight, over all processes, and nobody else waits for them", async () => {
			const { id } = await world.endpoint({ url: TIRED, event_types: ["job.completed"] });
			const jobs = await allFinished(world, 14, NO_URL);
			expect((await world.claimAndDie()).started).toBe(10);
			world.restart(); // another process
			expect((await world.claimAndDie()).started).toBe(0);
			await finished(world, { webhook_url: FRESH, webhook_events: ["job.completed"] });
			await world.run();
			expect(world.callbacks.map(({ url }) => url)).toEqual([FRESH]);
			const claimed = (await Promise.all(jobs.map((job) => deliveriesOf(world, job)))).flat().filter(({ claimId }) => claimId !== null);
			expect(claimed.map(({ target }) => target)).toEqual(Array.from({ length: 10 }, () => id));
			await world.pass(60_000); // their leases run out
			expect(world.callbacks.filter(({ url }) => url === TIRED)).toHaveLength(15);
			expect(attemptNumbers(world).filter((n) => n === "2")).toHaveLength(10);
		});
	});
}
