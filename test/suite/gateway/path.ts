import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { openWorld, submitted, type World } from "../../support/world.ts";

export function path(open: () => Promise<Db>): void {
	describe("the path of one job", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		it("goes from submit through the provider's signed hooks to the acknowledged callbacks", async () => {
			const id = await submitted(world, { metadata: { order: 7 } });
			await world.pass(5000);
			const job = await world.job(id);
			expect(job).toMatchObject({ state: "completed", revision: 2, metadata: { order: 7 }, error: null });
			expect(world.callbacks.map(({ headers }) => headers["x-deapi-event"])).toEqual(["job.processing", "job.completed"]);
			expect(await world.calls("txt2img")).toHaveLength(1);
			expect(await world.calls("request-status")).toHaveLength(0);
			const timeline = await world.timeline(id);
			expect(timeline.map(({ kind, what }) => `${kind} ${what}`)).toEqual([
				"job accepted",
				"submission accepted",
				"hook job.processing",
				"event job.processing",
				"delivery delivered",
				"attempt delivered",
				"hook job.completed",
				"event job.completed",
				"delivery delivered",
				"attempt delivered",
			]);
		});
	});
}
