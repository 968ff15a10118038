import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allotFreely, FairShares, type Share } from "../../src/lanes/shares.ts";
import type { Lane } from "../../src/lanes/sql.ts";

const lane = (appId: string | null, slots: number, busy: number, i: number): Lane => ({
	laneId: `${appId}/${i}`,
	...{ appId, slots, busy, dueAt: 0, laterAt: null, paced: 0 },
});
/** `a a b`: lanes of ten slots, of two apps; `a:3` has three slots, and of those of `a:10-1` one is busy. */
const lanesOf = (text: string): Lane[] =>
	text.split(" ").map((word, i) => {
		const [app = "", slots = "10", busy = "0"] = word.split(/[:-]/);
		return lane(app, Number(slots), Number(busy), i);
	});
const most = (shares: Share[]) => shares.map((share) => share.most);
const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0);

/** Shares of an app that has so much under way already. */
function holding(held: Record<string, number>): FairShares {
	const shares = new FairShares();
	for (const [app, count] of Object.entries(held)) for (let i = 0; i < count; i++) void shares.holding(app, () => new Promise(() => {}));
	return shares;
}

describe("the slots of a process", () => {
	it.each<[why: string, lanes: string, room: number, held: Record<string, number>, expected: number[]]>([
		["one lane gets what it has slots for", "a", 500, {}, [10]],
		["lanes take turns", "a a b", 500, {}, [10, 10, 10]],
		["lanes take turns where room is short, those in front first, and some stays free", "a b c", 6, {}, [2, 1, 1]],
		["a lane with few slots leaves its turns to the others", "a:1 b c", 9, {}, [1, 3, 3]],
		["slots that are busy are not given again", "a:10-8 b", 500, {}, [2, 10]],
		["of 10 slots an app alone gets 6, and two more for lanes that have none", "a a", 10, {}, [3, 3]],
		["of 10 slots an app alone gets one for each of 8 lanes", "a a a a a a a a a a", 10, {}, [1, 1, 1, 1, 1, 1, 1, 1, 0, 0]],
		["a lane that has none gets more than one that has some", "a:10-1 a", 4, { a: 6 }, [0, 1]],
		["an app at four fifths gets nothing, and those behind it do", "a a b", 20, { a: 80 }, [0, 0, 10]],
		["an app that holds none gets the last one", "a b", 1, { a: 9 }, [0, 1]],
		["a single slot is given", "a", 1, {}, [1]],
		["a single slot is given though another process serves the lane too", "a:10-5", 1, {}, [1]],
		["of two slots an app alone gets one", "a a", 2, {}, [1, 0]],
		["those that found no room are not among them", "a b c", 2, {}, [1, 1]],
	])("%s: %s, room for %i", (_, lanes, room, held, expected) => {
		expect(most(holding(held).round().shares(lanesOf(lanes), room))).toEqual(expected);
	});

	it("of one app leave a fifth of all to the others, however many lanes of it hang: three such apps, and there is still room for a fourth", () => {
		const held: Record<string, number> = {};
		const left = () => 500 - sum(Object.values(held));
		const seen = ["a", "b", "c"].map((app) => {
			for (let i = 0; i < 100; i++) {
				const lanes = Array.from({ length: 100 }, (_, j) => lane(app, 10, 0, j));
				held[app] = (held[app] ?? 0) + sum(most(holding(held).round().shares(lanes, left())));
			}
			return left();
		});
		expect(seen).toEqual([100, 20, 4]);
		expect(most(holding(held).round().shares(lanesOf("a b c d"), 4))).toEqual([0, 0, 0, 2]);
	});

	it("are counted as they are taken, not as they were offered: a hundred lanes of one row each take a hundred", () => {
		const round = holding({}).round();
		const offered = round.shares(
			Array.from({ length: 100 }, (_, i) => lane("a", 10, 0, i)),
			500,
		);
		expect(sum(most(offered))).toBe(320);
		for (const { lane } of offered) round.took(lane, 1);
		expect(sum(most(round.shares(lanesOf(Array(100).fill("a").join(" ")), 400)))).toBe(220); // 320 of 500 in all
	});

	it("are free again when the work is done, also when it breaks", async () => {
		const shares = new FairShares();
		const offered = () => sum(most(shares.round().shares(lanesOf("a a"), 4)));
		await shares.holding("a", async () => {
			await expect(shares.holding("a", () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
			for (let i = 0; i < 15; i++) void shares.holding("a", () => new Promise(() => {}));
			expect(offered()).toBe(0);
		});
		const one = new FairShares();
		await one.holding("a", async () => {});
		expect(sum(most(one.round().shares(lanesOf("a a"), 10)))).toBe(6);
	});

	const someLane = fc.tuple(fc.constantFrom("a", "b", "c", null), fc.integer({ min: 1, max: 12 }), fc.nat(11));
	const some = fc.record({
		lanes: fc
			.array(someLane, { minLength: 1, maxLength: 40 })
			.map((all) => all.map(([app, slots, busy], i) => lane(app, slots, busy % slots, i))),
		room: fc.integer({ min: 1, max: 120 }),
		held: fc.record({ a: fc.nat(100), b: fc.nat(20), c: fc.nat(3) }),
	});
	const run = { numRuns: 2000 };

	it("are never given twice, and never beyond a lane's own; those that are left out found no room", () => {
		fc.assert(
			fc.property(some, ({ lanes, room, held }) => {
				const shares = holding(held).round().shares(lanes, room);
				expect(shares.map((share) => share.lane)).toEqual(lanes.slice(0, shares.length));
				for (const { lane, most } of shares) expect(most).toBeLessThanOrEqual(lane.slots - lane.busy);
				expect(sum(most(shares))).toBeLessThanOrEqual(room);
				if (shares.length < lanes.length) expect(sum(most(shares))).toBe(room);
			}),
			run,
		);
	});

	it("go to an app up to four fifths of what is free and its own, beside its first one", () => {
		fc.assert(
			fc.property(some, ({ lanes, room, held }) => {
				const shares = holding(held).round().shares(lanes, room);
				for (const app of ["a", "b", "c"] as const) {
					const given = sum(shares.filter(({ lane }) => lane.appId === app).map((share) => share.most));
					if (given > 0) expect(held[app] + given).toBeLessThanOrEqual(Math.max(1, Math.floor(0.8 * (held[app] + room))));
				}
			}),
			run,
		);
	});

	it("of one app alone are never the last ones, where there are two", () => {
		fc.assert(
			fc.property(some, fc.nat(100), ({ lanes, room }, holds) => {
				const own = lanes.map((one) => ({ ...one, appId: "a" }));
				const given = sum(most(holding({ a: holds }).round().shares(own, room)));
				if (holds + room >= 2) expect(given).toBeLessThan(room);
			}),
			run,
		);
	});

	it("are there for an app that holds none as soon as there are as many as lanes in front of its own", () => {
		fc.assert(
			fc.property(some, fc.nat(39), ({ lanes, room, held }, place) => {
				const all = lanes.toSpliced(place, 0, lane("newcomer", 10, 0, 99));
				const at = all.findIndex(({ appId }) => appId === "newcomer");
				if (at < room) expect(holding(held).round().shares(all, room)[at]?.most).toBeGreaterThan(0);
			}),
			run,
		);
	});

	it("go round: no lane gets two more than another one of its app that wants another", () => {
		fc.assert(
			fc.property(some, ({ lanes, room, held }) => {
				const shares = holding(held).round().shares(lanes, room);
				for (const one of shares)
					for (const other of shares)
						if (one.lane.appId === other.lane.appId && other.lane.busy + other.most < other.lane.slots)
							expect(one.most).toBeLessThanOrEqual(other.most + 1);
			}),
			run,
		);
	});
});

describe("equal shares", () => {
	it.each([
		[3, 10, [3, 3, 3]],
		[3, 3, [1, 1, 1]],
		[3, 2, [1, 1]],
		[1, 5, [5]],
		[0, 5, []],
	])("for %i lanes, room for %i", (count, room, expected) => {
		const lanes = Array.from({ length: count }, (_, i) => lane("a", 10, 0, i));
		expect(most(allotFreely.shares(lanes, room))).toEqual(expected);
	});
});
