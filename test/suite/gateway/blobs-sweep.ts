import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blobKey } from "../../../src/core/blobs.ts";
import { newId } from "../../../src/core/ids.ts";
import type { Db } from "../../../src/db/db.ts";
import { Retention } from "../../../src/retention.ts";
import { openWorld, submitted, type World } from "../../support/world.ts";
import { longJob } from "./blobs-inputs.ts";
import { breakable } from "./doors.ts";
import { accepted, answerFor, hook, told } from "./tools.ts";
import { done, EXAMPLES } from "./types-examples.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const LONG = longJob(100_000);

export function blobSweep(open: () => Promise<Db>): void {
	describe("the sweep of large bodies", () => {
		let world: World;
		let db: ReturnType<typeof breakable>;
		beforeEach(async () => {
			db = breakable(await open());
			world = await openWorld(db);
		});
		afterEach(() => world.close());

		/** A process that has just started, until all of it was looked at. */
		async function sweep(): Promise<void> {
			const retention = new Retention(world.deps);
			while (!(await retention.stretch()));
		}
		/** Kept by someone who came no further, so long ago. */
		const left = (kind: "inputs" | "results", agoMs: number, app = world.appId) => {
			const at = world.now() - agoMs;
			const key = blobKey(kind, { id: newId("job", at), app }, at);
			world.blobs.kept.set(key, new Uint8Array(1));
			return key;
		};

		it("removes what a request left that was cut off before its row, after a day and no sooner", async () => {
			db.broken = "writes";
			expect((await world.submit(LONG)).status).toBe(503);
			db.broken = "no";
			world.jump(DAY - 1);
			await sweep();
			expect(world.blobs.kept.size).toBe(1);
			world.jump(HOUR);
			await sweep();
			expect(world.blobs.kept.size).toBe(0);
		});

		it("counts a result's day from when it was kept, however old its job is", async () => {
			world.holdHooks(true);
			const taken = await accepted(world, EXAMPLES["transcribe"]);
			world.jump(20 * HOUR);
			answerFor(world, "/request-status/", () => done("x".repeat(100_000)));
			await told(world, hook(world, { ...taken, event: "job.completed" }));
			const real = world.deps.db;
			const died = new Promise<never>(() => {}); // between the body and its row
			const batch: Db["batch"] = (work) => (work.some(({ stmt }) => /INTO "results"/.test(stmt.sql)) ? died : real.batch(work));
			world.deps.db = { ...real, batch };
			void world.run();
			await world.settle();
			world.deps.db = real;
			expect(world.blobs.keys("results")).toHaveLength(1);
			world.jump(DAY - 1);
			await sweep();
			expect(world.blobs.keys("results")).toHaveLength(1);
			world.jump(HOUR);
			await sweep();
			expect(world.blobs.keys("results")).toEqual([]);
		});

		it("never removes what a row names, and removes it in the next lap after retention has removed the row", async () => {
			world.holdHooks(true);
			const { job, ...taken } = await accepted(world, EXAMPLES["transcribe"]);
			answerFor(world, "/request-status/", () => done("x".repeat(100_000)));
			await told(world, hook(world, { ...taken, event: "job.completed" }));
			await world.run();
			const waiting = await submitted(world, LONG);
			expect(world.blobs.kept.size).toBe(2);
			world.jump(29 * DAY);
			await sweep();
			expect(world.blobs.kept.size).toBe(2);
			expect((await world.request(`/v1/jobs/${job}/result`)).status).toBe(200);
			world.jump(2 * DAY);
			await sweep();
			expect((await world.request(`/v1/jobs/${job}`)).status).toBe(404);
			expect(world.blobs.keys("results")).toEqual([]);
			expect((await world.job(waiting))["input"]).toEqual(LONG.input);
		});

		it("looks at 50 at most in a step, goes on behind those that stay, and leaves what is young", async () => {
			for (let i = 0; i < 60; i++) await submitted(world, LONG);
			const stays = world.blobs.keys("inputs");
			world.jump(2 * DAY);
			for (let i = 0; i < 130; i++) left("inputs", 30 * HOUR);
			const young = Array.from({ length: 3 }, () => left("inputs", HOUR));
			const seen: number[] = [];
			const { list, delete: remove } = world.deps.blobs;
			world.deps.blobs = {
				...world.deps.blobs,
				list: async (kind, after, limit) => {
					const keys = await list(kind, after, limit);
					seen.push(keys.length, limit);
					return keys;
				},
				delete: (keys) => {
					seen.push(keys.length);
					return remove(keys);
				},
			};
			await sweep();
			expect(Math.max(...seen)).toBe(50);
			expect(world.blobs.keys("inputs")).toEqual([...stays, ...young].toSorted((a, b) => (a < b ? -1 : 1)));
		});

		it("leaves what another database has put into the same store, and what is nobody's", async () => {
			const others = [left("inputs", 9 * DAY, newId("app", world.now())), "inputs/notes.txt", "results/", "photos/job_1"];
			for (const key of others) world.blobs.kept.set(key, new Uint8Array(1));
			left("inputs", 9 * DAY);
			await sweep();
			expect([...world.blobs.kept.keys()].toSorted()).toEqual(others.toSorted());
		});

		it("that breaks goes on with the rest of retention, says so, and is repeated", async () => {
			left("inputs", 2 * DAY);
			left("results", 2 * DAY);
			world.blobs.breaks("delete");
			const retention = new Retention(world.deps);
			expect(await retention.stretch()).toBe(false);
			expect(world.lines.filter(({ what }) => what === "sweep.failed")).toHaveLength(2);
			world.blobs.breaks();
			expect(await retention.stretch()).toBe(true);
			expect(world.blobs.kept.size).toBe(0);
		});

		it("rests for an hour after a lap", async () => {
			const retention = new Retention(world.deps);
			expect(await retention.stretch()).toBe(true);
			left("inputs", 2 * DAY);
			world.jump(HOUR - 1);
			expect(await retention.stretch()).toBe(true);
			expect(world.blobs.kept.size).toBe(1);
			world.jump(1);
			expect(await retention.stretch()).toBe(true);
			expect(world.blobs.kept.size).toBe(0);
		});
	});
}
