import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { DAY, type Faults, HOUR, MINUTE, openFaults, SECOND, TEST_MS, tell } from "./tools.ts";

type Asked = (nowMs: number) => string;

const PAUSES: [string, Asked, number][] = [
	["3600 seconds", () => "3600", HOUR],
	["an HTTP date an hour ahead", (now) => new Date(now + HOUR).toUTCString(), HOUR],
	["ten years", () => String(10 * 365 * 86_400), DAY],
	["an HTTP date ten years ahead", (now) => new Date(now + 3650 * DAY).toUTCString(), DAY],
];
/** As if it were not there. */
const NOTHING: [string, Asked][] = [
	["a negative number", () => "-3600"],
	["a date that has passed", (now) => new Date(now - HOUR).toUTCString()],
	["nonsense", () => "soon, 3600"],
	["nothing", () => ""],
];

/** Row 27. */
export function retryAfter(open: () => Promise<Db>): void {
	describe("a receiver that is out of breath", { timeout: TEST_MS }, () => {
		let faults: Faults;
		beforeEach(async () => {
			faults = await openFaults(await open());
			faults.world.deps.random = () => 0;
		});
		afterEach(() => faults.close());

		/**
		 * For each case a receiver that asks for a pause at its first callback, while two more deliveries come; and one that is well.
		 * Returns when each was reached, and at which attempt.
		 */
		async function pauses(status: number, cases: readonly Asked[]) {
			const { world, play, feed } = faults;
			const fresh = await faults.receiver();
			const tired = await Promise.all(cases.map(() => faults.receiver()));
			for (const { url } of [...tired, fresh]) await world.endpoint({ url, event_types: ["job.completed"] });
			const began = world.now();
			for (const [i, receiver] of tired.entries())
				receiver.answers(({ atMs }) => (atMs === began ? { status, headers: { "retry-after": cases[i]!(began) } } : 200));
			await feed([began, began + SECOND, began + MINUTE / 2]);
			await play(DAY + HOUR, { sweepMs: HOUR });
			const seen = ({ arrivals }: typeof fresh) => arrivals.map(({ atMs, attempt }) => [atMs - began, attempt]);
			expect(seen(fresh)).toEqual([0, SECOND, MINUTE / 2].map((at) => [at, 1]));
			return tired.map(seen);
		}

		it.each([429, 503])("and asks for a pause with %i is left alone until then, a day at most, while others are served", async (status) => {
			const tired = await pauses(
				status,
				PAUSES.map(([, asked]) => asked),
			);
			for (const [i, [what, , pause]] of PAUSES.entries()) {
				const [first, ...later] = tired[i]!;
				expect(first).toEqual([0, 1]);
				expect(
					later.map(([at]) => at),
					what,
				).toEqual([pause, pause, pause]);
				expect(later.map(([, attempt]) => attempt).toSorted((a, b) => a! - b!)).toEqual([1, 1, 2]);
				tell(faults, 27, `${status} with ${what}: all of the lane after ${pause / SECOND} s`);
			}
		});

		it("and asks for one with 429 in words that mean nothing is left alone for a minute", async () => {
			const tired = await pauses(
				429,
				NOTHING.map(([, asked]) => asked),
			);
			for (const [i, [what]] of NOTHING.entries())
				expect(
					tired[i]!.map(([at]) => at),
					what,
				).toEqual([0, MINUTE, MINUTE, MINUTE]);
			tell(faults, 27, `429 with ${NOTHING.map(([what]) => what).join(", ")}: 60 s`);
		});

		it("and asks for one with 503 in words that mean nothing is asked again by schedule", async () => {
			const tired = await pauses(
				503,
				NOTHING.map(([, asked]) => asked),
			);
			const bySchedule = [
				[0, 1],
				[SECOND, 1],
				[5 * SECOND, 2],
				[MINUTE / 2, 1],
			];
			for (const [i, [what]] of NOTHING.entries()) expect(tired[i], what).toEqual(bySchedule);
			tell(faults, 27, `503 with ${NOTHING.map(([what]) => what).join(", ")}: by schedule, 5 s`);
		});
	});
}
