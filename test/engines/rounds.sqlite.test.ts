import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { compileSql } from "../../src/db/compile.ts";
import type { Db } from "../../src/db/db.ts";
import { Loop } from "../../src/node/loop.ts";
import { due, hanging, processOf, times } from "../suite/gateway/fairness-tools.ts";
import { freshSqlite } from "../support/sqlite.ts";
import { openWorld, type World } from "../support/world.ts";

const LANES = 2050;
/** A hundred lanes in a walk; one more finds the end, and one goes on from the beginning. */
const LAP = Math.ceil(LANES / 100) + 1;

const pauseAll = compileSql<{ until: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE lanes SET not_before = ${p.until} WHERE kind = 'url' RETURNING id`,
);
const paceAll = compileSql<{ until: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE lanes SET spacing_ms = 1000, paced_at = ${p.until} WHERE kind = 'url' RETURNING id`,
);
const MINUTE = 60_000;

describe("a process with thousands of lanes in which nothing can start", () => {
	let world: World;
	let calls: { walks: number; batches: number };
	beforeEach(async () => {
		const db = freshSqlite();
		calls = { walks: 0, batches: 0 };
		const counting: Db = {
			...db,
			read: (query) => {
				if (/RECURSIVE walk.+"deliveries"/s.test(query.stmt.sql)) calls.walks++;
				return db.read(query);
			},
			batch: (work) => {
				calls.batches++;
				return db.batch(work);
			},
		};
		world = await openWorld(counting, { env: { SWEEP_EVERY_S: "120" } });
		await due(
			world,
			world.appId,
			times(LANES, (i) => ({ url: `https://hangs-${i}.example.com/hooks` })),
		);
	});
	afterEach(async () => {
		vi.useRealTimers();
		await world.close();
	});

	/** Lets a loop run, its timers and the clock in step, until it has been quiet for a second. */
	async function quiet(): Promise<{ walks: number; batches: number }> {
		const before = { ...calls };
		for (let still = 0, last = calls.walks; still < 5; still = last === calls.walks ? still + 1 : 0) {
			last = calls.walks;
			world.jump(200);
			await vi.advanceTimersByTimeAsync(200);
			await world.settle();
		}
		return { walks: calls.walks - before.walks, batches: calls.batches - before.batches };
	}

	it.each([
		["are paused", pauseAll],
		["wait for their pace", paceAll],
	])(
		"looks at each of them once when it is woken, and rests until the first is open: they %s",
		async (_, stmt) => {
			const until = world.now() + MINUTE;
			await world.deps.db.batch([stmt.bind({ until })]);
			vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
			const loop = new Loop(world.deps);
			loop.wake();
			await quiet();
			loop.wake();
			const seen = await quiet();
			expect(seen.batches).toBe(0);
			expect(seen.walks).toBeGreaterThanOrEqual(LAP - 1);
			expect(seen.walks).toBeLessThanOrEqual(LAP);
			world.jump(MINUTE / 2);
			await vi.advanceTimersByTimeAsync(MINUTE / 2);
			expect(await quiet()).toEqual({ walks: 0, batches: 0 });
			expect(world.callbacks).toEqual([]);
			world.jump(MINUTE / 2);
			await vi.advanceTimersByTimeAsync(MINUTE / 2);
			await world.settle();
			expect(world.callbacks.length).toBeGreaterThan(0);
			loop.stop();
		},
		20_000,
	);

	it("looks at each of them once when it is woken: their app holds its share", async () => {
		const waiting = hanging(world, () => true);
		const service = processOf(world);
		/** Rounds until one does not ask for another at once. */
		const lap = async () => {
			let rounds = 1;
			while ((await service.round()) === world.now()) rounds++;
			return rounds;
		};
		while (waiting.open() < 400) await lap();
		await lap();
		const before = { ...calls };
		expect(await lap()).toBe(2);
		expect(calls.batches - before.batches).toBe(0);
		expect(calls.walks - before.walks).toBeLessThanOrEqual(LAP);
		await waiting.letGo();
	}, 20_000);
});
