import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config.ts";
import { type Failed, isTooOld, nextAttemptAt, type Schedule, scheduleOf } from "../../src/outbound/schedule.ts";

const standard = loadConfig({});
const SECOND = 1000;
const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 0, 15, 10, 30, 45);

/** When the next attempt is due after one that failed now, by the shortest schedule; each case says what differs. */
const nextAfter = (over: Partial<Failed>, schedule: Schedule = standard) =>
	nextAttemptAt(schedule, { failures: 1, armedAtMs: NOW, nowMs: NOW, random01: 0, retryAfterMs: null, overload: false, ...over });

/** When each of a delivery's attempts starts, in milliseconds after the first, where every one fails at once. */
function attemptTimes(random01: number, schedule: Schedule = standard): number[] {
	const times = [0];
	for (;;) {
		const next = nextAfter({ failures: times.length, nowMs: times.at(-1)!, random01, armedAtMs: 0 }, schedule);
		if (next === null) return times;
		times.push(next);
	}
}

describe("the retry schedule", () => {
	it("makes twelve attempts over 70 h 42 m 35 s", () => {
		const times = attemptTimes(0);
		expect(times).toHaveLength(12);
		expect(times.at(-1)).toBe(70 * HOUR + 42 * 60 * SECOND + 35 * SECOND);
		const steps = times.slice(1).map((at, i) => (at - times[i]!) / SECOND);
		expect(steps).toEqual([5, 30, 120, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 86_400]);
	});

	it("named deapi makes ten attempts over 22 h 48 m", () => {
		const times = attemptTimes(0, scheduleOf(standard, "deapi"));
		expect(times).toHaveLength(10);
		expect(times.at(-1)).toBe(22 * HOUR + 48 * 60 * SECOND);
		expect(times.slice(1).map((at, i) => (at - times[i]!) / SECOND)).toEqual([60, 120, 300, 600, 1800, 3600, 10_800, 21_600, 43_200]);
	});

	it.each([
		{ retry: [7], times: [0, 7] },
		{ retry: [1, 1, 60], times: [0, 1, 2, 62] },
		{ retry: [86_400, 86_400, 86_400, 86_400, 86_400], times: [0, 86_400, 172_800, 259_200, 345_600] },
	])("of one's own, $retry, makes an attempt after each, as long as it is not too old", ({ retry, times }) => {
		expect(attemptTimes(0, scheduleOf(standard, retry))).toEqual(times.map((s) => s * SECOND));
	});

	it("of none is the settings'", () => {
		expect(scheduleOf(standard, null)).toBe(standard);
	});

	it("adds at most a fifth of each delay, and never takes away", () => {
		const [earliest, latest] = [attemptTimes(0), attemptTimes(1)];
		expect(latest.at(-1)).toBe(Math.round(earliest.at(-1)! * 1.2));
		for (const random01 of [0.001, 0.25, 0.5, 0.999]) {
			attemptTimes(random01).forEach((at, i) => {
				expect(at).toBeGreaterThanOrEqual(earliest[i]!);
				expect(at).toBeLessThanOrEqual(latest[i]!);
			});
		}
	});

	it.each([
		{ failures: 1, overload: true, retryAfter: null, waits: 60 },
		{ failures: 2, overload: true, retryAfter: null, waits: 60 },
		{ failures: 3, overload: true, retryAfter: null, waits: 120 },
		{ failures: 1, overload: false, retryAfter: 2, waits: 5 },
		{ failures: 1, overload: false, retryAfter: 90, waits: 90 },
		{ failures: 1, overload: true, retryAfter: 45, waits: 60 },
		{ failures: 1, overload: true, retryAfter: 3600, waits: 3600 },
		{ failures: 11, overload: false, retryAfter: 60, waits: 86_400 },
	])(
		"waits $waits s after failure $failures (overload: $overload, Retry-After: $retryAfter)",
		({ failures, overload, retryAfter, waits }) => {
			const retryAfterMs = retryAfter === null ? null : retryAfter * SECOND;
			expect(nextAfter({ failures, retryAfterMs, overload })).toBe(NOW + waits * SECOND);
		},
	);

	it("is spent after the last delay, whatever the receiver asks for", () => {
		expect(nextAfter({ failures: 12 })).toBeNull();
		expect(nextAfter({ failures: 12, retryAfterMs: 60_000, overload: true })).toBeNull();
		expect(nextAfter({ random01: 1 }, { ...standard, retryDelaysMs: [0], overloadDelayMs: 0 })).toBe(NOW);
	});

	it("ends with the delivery's age, counted from when it was armed, whatever budget is left", () => {
		const oldest = standard.deliveryMaxAgeMs;
		expect(nextAfter({ armedAtMs: NOW + 5 * SECOND - oldest })).toBe(NOW + 5 * SECOND);
		expect(nextAfter({ armedAtMs: NOW + 5 * SECOND - oldest - 1 })).toBeNull();
		expect(nextAfter({ armedAtMs: NOW - oldest + HOUR, retryAfterMs: HOUR + 1 })).toBeNull();
		expect([isTooOld(standard, NOW, NOW + oldest), isTooOld(standard, NOW, NOW + oldest + 1)]).toEqual([false, true]);
	});

	it("gives whole milliseconds, which is what a column holds", () => {
		expect(nextAfter({ random01: 0.123_456_789 })).toBe(NOW + 5123);
	});
});
