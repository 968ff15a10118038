import { eq } from "drizzle-orm";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadConfig } from "../../../src/config.ts";
import { compile, q, type Slots } from "../../../src/db/compile.ts";
import type { Bound, Db } from "../../../src/db/db.ts";
import { lanes } from "../../../src/db/schema.ts";
import { breakerFailed, breakerSucceeded } from "../../../src/lanes/breaker.ts";
import { newLane } from "../../../src/lanes/lane.ts";

const BEGAN = 1_800_000_000_000;
const config = loadConfig({});
const LANE = "lane";

const read = compile((_: Slots<unknown>) =>
	q
		.select({
			notBefore: lanes.notBefore,
			strikes: lanes.strikes,
			probation: lanes.probation,
			tried: lanes.tried,
			failed: lanes.failed,
			countedFrom: lanes.countedFrom,
			reason: lanes.reason,
		})
		.from(lanes)
		.where(eq(lanes.id, LANE)),
);
type Row = {
	notBefore: number;
	strikes: number;
	probation: number;
	tried: number;
	failed: number;
	countedFrom: number;
	reason: string | null;
};

/** Seconds after the beginning: when an attempt was claimed and when it came back. */
interface Attempt {
	claimed: number;
	back: number;
	ok: boolean;
}

/** The rule in plain words, which the SQL has to agree with. */
function model(row: Row, { claimed, back, ok }: Attempt): Row {
	const [claimedAt, now] = [BEGAN + claimed * 1000, BEGAN + back * 1000];
	const probe = row.probation > 0 && claimedAt >= row.notBefore;
	const over = row.tried === 0 || row.countedFrom + 300_000 <= now;
	const within = !over && claimedAt >= row.countedFrom ? 1 : 0;
	if (ok) {
		if (row.probation === 0 && row.tried === 0) return row;
		const closes = probe && row.probation === 1;
		return {
			...row,
			probation: probe ? row.probation - 1 : row.probation,
			strikes: probe ? 0 : row.strikes,
			reason: closes ? null : row.reason,
			tried: over ? 0 : row.tried + within,
			failed: row.probation > 0 && !probe ? row.failed : over ? 0 : row.failed,
		};
	}
	if (row.probation > 0 && !(probe && row.notBefore <= now && row.failed > 0)) return { ...row, failed: probe ? 1 : row.failed };
	const tried = over ? 1 : row.tried + within;
	const failed = over ? 1 : row.failed + within;
	const opens = row.notBefore <= now && (probe || (tried >= 10 && failed * 100 >= tried * 70));
	if (!opens) return { ...row, tried, failed, countedFrom: over ? now : row.countedFrom };
	const open = Math.min(600_000, 30_000 * 2 ** row.strikes);
	return {
		...row,
		countedFrom: now,
		notBefore: now + open,
		strikes: row.strikes + 1,
		probation: row.probation || 3,
		tried: 0,
		failed: 0,
		reason: "breaker_open",
	};
}

/** A lane that fails again and again rests, by one rule on every engine. */
export function breaker(open: () => Promise<Db>): void {
	describe("a breaker", () => {
		let db: Db;
		beforeEach(async () => {
			db = await open();
			await db.batch([newLane({ id: LANE, kind: "endpoint" })]);
		});
		afterEach(() => db.close());

		const now = async (): Promise<Row> => (await db.read(read.bind({})))[0]!;
		const play = async (attempts: Attempt[], random01 = 0) => {
			for (const { claimed, back, ok } of attempts) {
				const answered = { lane: LANE, claimedAt: BEGAN + claimed * 1000, nowMs: BEGAN + back * 1000 };
				const writes: Bound<unknown>[] = ok ? breakerSucceeded(config, answered, await now()) : [breakerFailed(config, answered, random01)];
				if (writes.length > 0) await db.batch(writes);
			}
			const { notBefore, strikes, probation, tried, failed, reason } = await now();
			return { openUntil: notBefore === 0 ? null : (notBefore - BEGAN) / 1000, strikes, probation, tried, failed, reason };
		};
		/** Each claimed and back in the same second. */
		const each = (...at: number[]) => ({
			fail: at.map((s) => ({ claimed: s, back: s, ok: false })),
			succeed: at.map((s) => ({ claimed: s, back: s, ok: true })),
		});
		const seconds = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
		const CLOSED = { openUntil: null, strikes: 0, probation: 0, reason: null };
		const OPEN = { probation: 3, tried: 0, failed: 0, reason: "breaker_open" };

		it("stays closed at nine failures, and opens for 30 s at the tenth", async () => {
			expect(await play(each(...seconds(0, 8)).fail)).toEqual({ ...CLOSED, tried: 9, failed: 9 });
			expect(await play(each(9).fail)).toEqual({ ...OPEN, openUntil: 39, strikes: 1 });
		});

		it("opens at seven of ten failures", async () => {
			expect(await play([...each(0).fail, ...each(1, 2, 3).succeed, ...each(4, 5, 6, 7, 8, 9).fail])).toMatchObject({ openUntil: 39 });
		});
		it("stays closed at six of ten", async () => {
			const some = [...each(0).fail, ...each(1, 2, 3, 4).succeed, ...each(5, 6, 7, 8, 9).fail];
			expect(await play(some)).toEqual({ ...CLOSED, tried: 10, failed: 6 });
		});

		it("counts ten at once that fail together as one, and one that was on its way before the first failure not at all", async () => {
			const together = Array.from({ length: 10 }, () => ({ claimed: 0, back: 5, ok: false }));
			expect(await play([...together, { claimed: 0, back: 6, ok: true }])).toEqual({ ...CLOSED, tried: 1, failed: 1 });
		});

		it("begins anew five minutes after the first failure", async () => {
			expect(await play([...each(...seconds(0, 8)).fail, ...each(300).fail])).toEqual({ ...CLOSED, tried: 1, failed: 1 });
			expect(await play(each(601).succeed)).toEqual({ ...CLOSED, tried: 0, failed: 0 });
		});

		it("writes nothing for a lane without trouble", async () => {
			expect(breakerSucceeded(config, { lane: LANE, claimedAt: BEGAN, nowMs: BEGAN }, await now())).toEqual([]);
		});

		it("opens for twice as long each time that two in a row fail on probation, up to ten minutes", async () => {
			await play(each(...seconds(0, 9)).fail);
			let at = 39;
			for (const [i, open] of [60, 120, 240, 480, 600, 600].entries()) {
				expect(await play(each(at).fail)).toMatchObject({ openUntil: at, strikes: i + 1, failed: 1 });
				expect(await play(each(at).fail)).toEqual({ ...OPEN, openUntil: at + open, strikes: i + 2 });
				at += open;
			}
		});

		it("closes after three successes, and then begins at 30 s again", async () => {
			await play(each(...seconds(0, 9), 39, 39).fail);
			expect(await play(each(99, 100).succeed)).toMatchObject({ probation: 1, strikes: 0 });
			expect(await play(each(101).succeed)).toMatchObject({ probation: 0, strikes: 0, reason: null });
			expect(await play(each(...seconds(102, 111)).fail)).toMatchObject({ openUntil: 141, strikes: 1 });
		});

		it("opens for 30 s again at two failures after two successes, and asks for one more", async () => {
			await play(each(...seconds(0, 9), 39, 39).fail);
			expect(await play([...each(99, 100).succeed, ...each(101, 101).fail])).toEqual({ ...OPEN, probation: 1, openUntil: 131, strikes: 1 });
			expect(await play(each(131).succeed)).toMatchObject({ probation: 0, strikes: 0, reason: null });
		});

		it("learns nothing from an attempt that was claimed before it opened", async () => {
			await play(each(...seconds(0, 9)).fail);
			expect(await play([{ claimed: 8, back: 20, ok: false }])).toEqual({ ...OPEN, openUntil: 39, strikes: 1 });
			expect(await play([{ claimed: 8, back: 40, ok: false }])).toEqual({ ...OPEN, openUntil: 39, strikes: 1 });
			expect(await play([{ claimed: 8, back: 41, ok: true }])).toMatchObject({ strikes: 1, probation: 3 });
		});

		it("is open up to a twentieth shorter", async () => {
			expect(await play(each(...seconds(0, 9)).fail, 0.999)).toMatchObject({ openUntil: 9 + 30 * 0.951 });
		});

		it("agrees with its rule in plain words, whatever comes", { timeout: 60_000 }, async () => {
			const attempt = fc.record({ after: fc.integer({ min: 0, max: 40 }), took: fc.integer({ min: 0, max: 12 }), ok: fc.boolean() });
			const runs = fc.array(attempt, { minLength: 1, maxLength: 60 });
			let lane = await now();
			let clock = 0;
			await fc.assert(
				fc.asyncProperty(runs, async (steps) => {
					for (const { after, took, ok } of steps) {
						clock += after;
						const one = { claimed: Math.max(0, clock - took), back: clock, ok };
						lane = model(lane, one);
						await play([one]);
						expect(await now()).toEqual(lane);
					}
				}),
				{ numRuns: 40, endOnFailure: true },
			);
		});
	});
}
