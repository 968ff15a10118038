import { describe, expect, inject, it, onTestFinished } from "vitest";
import { openPostgres } from "../../src/node/postgres.ts";
import { ServerClock } from "../../src/node/postgres-clock.ts";
import { timeOf } from "../../src/node/postgres-store.ts";

const T = 1_800_000_000_000;
const MINUTE = 60_000;

/** A server, a machine and the way between them, all in the hands of the test. */
function world(wallOff = 0) {
	const at = { running: 5000, server: T, wall: T + wallOff, way: 0 };
	const warned: [object, string][] = [];
	const asked = { times: 0, fails: false };
	const passes = (ms: number) => {
		at.running += ms;
		at.server += ms;
		at.wall += ms;
	};
	const ask = async () => {
		asked.times++;
		if (asked.fails) throw new Error("gone");
		passes(at.way / 2);
		const time = at.server;
		passes(at.way / 2);
		return time;
	};
	const log = { warn: (fields: object, what: string) => void warned.push([fields, what]) };
	const clock = new ServerClock(ask, log, { running: () => at.running, wall: () => at.wall });
	return { at, asked, passes, clock, warned };
}

describe("the clock of a process on PostgreSQL", () => {
	it.each([0, 10 * MINUTE, -10 * MINUTE])("is the server's where the machine's own is %i ms off", async (wallOff) => {
		const { clock, passes, warned } = world(wallOff);
		await clock.measure();
		expect(clock.now()).toBe(T);
		passes(90_000);
		expect(clock.now()).toBe(T + 90_000);
		expect(warned.map(([fields]) => fields)).toEqual(wallOff === 0 ? [] : [{ ahead_ms: wallOff }]);
	});

	it("takes the quickest of its looks, and is off by no more than half of that", async () => {
		const { at, clock } = world();
		at.way = 40;
		await clock.measure();
		expect(Math.abs(clock.now() - at.server)).toBeLessThanOrEqual(20);
	});

	it("is not moved by somebody who sets the machine's clock, and looks at the server's then", async () => {
		const { at, asked, clock } = world();
		await clock.measure();
		const before = asked.times;
		at.wall += 10 * MINUTE;
		expect(clock.now()).toBe(T);
		expect(asked.times).toBe(before + 1);
		expect(clock.now()).toBe(T);
		await clock.measure();
		expect(clock.now()).toBe(T);
	});

	it("follows at once where the server's goes ahead, and finds the time again when the machine was asleep", async () => {
		const { at, clock, warned } = world();
		await clock.measure();
		at.server += 10 * MINUTE;
		await clock.measure();
		expect(clock.now()).toBe(T + 10 * MINUTE);
		expect(warned).toEqual([[{ by_ms: 10 * MINUTE }, "clock.moved"]]);
		at.server += 5 * MINUTE;
		at.wall += 5 * MINUTE; // the running clock stood still
		clock.now();
		await new Promise(setImmediate);
		expect(clock.now()).toBe(T + 15 * MINUTE);
	});

	it("never goes back nor stands still where the server's goes back: it runs at half its speed until they meet", async () => {
		const { at, clock, passes } = world();
		await clock.measure();
		at.server -= 10 * MINUTE;
		await clock.measure();
		const seen = [clock.now()];
		for (let i = 0; i < 25; i++) {
			passes(MINUTE);
			seen.push(clock.now());
		}
		const steps = seen.slice(1).map((now, i) => now - seen[i]!);
		expect([steps[0], steps[19], steps[20], steps[24]]).toEqual([MINUTE / 2, MINUTE / 2, MINUTE, MINUTE]);
		expect(clock.now()).toBe(at.server);
	});

	it("stays as it was when the server cannot be asked, or answers too late to be of use", async () => {
		const { at, asked, clock, passes } = world();
		await clock.measure();
		asked.fails = true;
		await expect(clock.measure()).rejects.toThrow("gone");
		asked.fails = false;
		at.way = 2500;
		at.server += 500;
		await clock.measure();
		passes(1000);
		expect(clock.now()).toBe(at.server - 500);
	});

	it.skipIf(inject("postgresUrl") === null)("is a real server's within what a look at it takes", async () => {
		const db = openPostgres(inject("postgresUrl") ?? "", { pool: 2, prepare: true });
		onTestFinished(() => db.close());
		const clock = new ServerClock(() => timeOf(db.raw), { warn: () => {} });
		await clock.measure();
		const before = clock.now();
		const server = await timeOf(db.raw);
		expect(server).toBeGreaterThanOrEqual(before - 100);
		expect(server).toBeLessThanOrEqual(clock.now() + 100);
	});
});
