import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { openWorld, submitted, type World } from "../../support/world.ts";
import { eventsOf, submissionsOf } from "./tools.ts";

const HOUR = 3_600_000;

export function keepResults(open: () => Promise<Db>): void {
	describe("with KEEP_RESULTS a file that deAPI made", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open(), { env: { KEEP_RESULTS: "1" } });
		});
		afterEach(() => world.close());
		const result = async (job: string) => world.app.request((await world.job(job))["result_url"] as string);

		it("is copied before the job completes, and read from the copy", async () => {
			const job = await submitted(world);
			await world.pass(10_000);
			expect(await eventsOf(world, job)).toEqual(["1 job.processing", "2 job.completed"]);
			expect(world.blobs.keys("results")).toHaveLength(1);
			world.onRequest(() => ({ kind: "failed", reason: "connect_failed", before: true }));
			world.jump(25 * HOUR);
			const answer = await result(job);
			expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "image/png"]);
			expect(answer.headers.get("content-disposition")).toContain(`${job}.png`);
		});

		it("is reached by the provider's link where it could not be copied for an hour", async () => {
			world.blobs.breaks("write");
			const job = await submitted(world);
			await world.pass(10_000);
			expect(await submissionsOf(world, job)).toMatchObject([{ phase: "result", reason: "not_kept" }]);
			await world.pass(HOUR);
			expect((await world.job(job)).state).toBe("completed");
			expect((await result(job)).status).toBe(302);
		});
	});
}
