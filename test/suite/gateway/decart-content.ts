import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { Retention } from "../../../src/retention.ts";
import type { KnobsPatch } from "../../../src/sandbox/decart/knobs.ts";
import { openWorld, type World } from "../../support/world.ts";
import { decartCalls, decartKnobs, edited } from "./decart-tools.ts";
import { eventsOf, submissionsOf } from "./tools.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
type Fault = NonNullable<KnobsPatch["calls"]>[number];

export function decartContent(open: () => Promise<Db>): void {
	describe("a result that is bytes", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open(), { env: { RESULT_MAX_MB: "1" } });
		});
		afterEach(() => world.close());

		it.each<[string, Omit<Fault, "call">, string]>([
			["answered 404", { status: 404 }, "result_http_404"],
			["answered 500", { status: 500 }, "result_http_500"],
			["cut in the middle", { body: "cut" }, "connection_lost"],
		])("that is %s is fetched again, and the job completes once", async (_, fault, reason) => {
			await decartKnobs(world, { calls: [{ call: "content", times: 2, ...fault }] });
			const job = await edited(world);
			await world.pass(4000);
			expect((await world.job(job)).state).toBe("processing");
			expect(await submissionsOf(world, job)).toMatchObject([{ phase: "result", reason }]);
			await world.pass(MINUTE);
			expect((await world.job(job)).state).toBe("completed");
			expect(await decartCalls(world, "content")).toHaveLength(3);
			expect(await eventsOf(world, job)).toEqual(["1 job.processing", "2 job.completed"]);
			expect(world.blobs.keys("results")).toHaveLength(1);
		});

		it("that never comes fails the job after an hour", async () => {
			await decartKnobs(world, { calls: [{ call: "content", times: 1000, status: 500 }] });
			const job = await edited(world);
			await world.pass(HOUR - MINUTE);
			expect((await world.job(job)).state).toBe("processing");
			await world.pass(2 * MINUTE);
			expect(await world.job(job)).toMatchObject({ state: "failed", error: { code: "result_unavailable" } });
			expect(world.blobs.keys("results")).toEqual([]);
		});

		it("waits for days, not for an hour, where the key is refused", async () => {
			await decartKnobs(world, { calls: [{ call: "content", times: 1000, status: 401 }] });
			const job = await edited(world);
			await world.pass(2 * HOUR);
			expect((await world.job(job)).state).toBe("processing");
			await decartKnobs(world, { calls: [] });
			await world.pass(10 * MINUTE);
			expect((await world.job(job)).state).toBe("completed");
		});

		it("that is larger than is kept fails the job at once, and nothing of it stays", async () => {
			await decartKnobs(world, { content: { sizeBytes: 3 * 1_048_576 } });
			const job = await edited(world);
			await world.pass(10_000);
			expect(await world.job(job)).toMatchObject({ state: "failed", error: { code: "result_unavailable" } });
			expect(await decartCalls(world, "content")).toHaveLength(1);
			expect(world.blobs.keys("results")).toEqual([]);
		});

		it("waits while the store is full, and is kept when there is room again", async () => {
			const job = await edited(world);
			await world.run();
			world.blobs.breaksAfter(100);
			await world.pass(10 * MINUTE);
			expect(await submissionsOf(world, job)).toMatchObject([{ phase: "result", reason: "not_kept" }]);
			expect((await world.job(job)).state).toBe("processing");
			expect(world.blobs.keys("results")).toEqual([]);
			world.blobs.breaks();
			await world.pass(10 * MINUTE);
			expect((await world.job(job)).state).toBe("completed");
		});

		it("that was stored by a process which was killed before it could say so is fetched again, and the first copy swept", async () => {
			const job = await edited(world);
			const real = world.deps.db;
			await new Promise<void>((killed) => {
				const batch: Db["batch"] = (work) => {
					if (!work.some(({ stmt }) => /INTO "results"/.test(stmt.sql))) return real.batch(work);
					killed();
					return new Promise<never>(() => {});
				};
				world.deps.db = { ...real, batch };
				void world.pass(10_000);
			});
			expect(world.blobs.keys("results")).toHaveLength(1);
			world.deps.db = real;
			world.restart();
			await world.pass(10 * MINUTE);
			expect((await world.job(job)).state).toBe("completed");
			expect(world.blobs.keys("results")).toHaveLength(2);
			world.jump(25 * HOUR);
			const retention = new Retention(world.deps);
			while (!(await retention.stretch()));
			expect(world.blobs.keys("results")).toHaveLength(1);
			expect((await world.request(`/v1/jobs/${job}/result`)).status).toBe(200);
		});

		it("goes with its job when that was kept long enough", async () => {
			const job = await edited(world);
			await world.pass(10_000);
			world.jump(31 * 24 * HOUR);
			for (let laps = 0; laps < 3; laps++) {
				const retention = new Retention(world.deps);
				while (!(await retention.stretch()));
				world.jump(2 * HOUR);
			}
			expect((await world.request(`/v1/jobs/${job}`)).status).toBe(404);
			expect([...world.blobs.kept.keys()]).toEqual([]);
		});
	});
}
