import { describe, expect, it } from "vitest";
import { retryAfterMs } from "../../src/core/retry-after.ts";

const NOW = Date.UTC(2026, 0, 15, 10, 30, 45);
const CAP = 86_400_000;

describe("Retry-After", () => {
	it.each([
		["1", 1000],
		["60", 60_000],
		[" 60 ", 60_000],
		["007", 7000],
		["1.5", 1500],
		["0.0001", 1],
		["86400", CAP],
		["86401", CAP],
		["99999999999999999999", CAP],
		["Thu, 15 Jan 2026 10:31:45 GMT", 60_000],
		["Thursday, 15-Jan-26 10:31:45 GMT", 60_000],
		["Thu, 15 Jan 2026 11:31:45 +0100", 60_000],
		["Fri, 15 Jan 2027 10:31:45 GMT", CAP],
	])("%j is %i ms", (header, expected) => {
		expect(retryAfterMs(header, NOW, CAP)).toBe(expected);
	});

	it.each([
		[undefined],
		[""],
		["0"],
		["0.0"],
		["-5"],
		["+5"],
		["1e3"],
		["0x10"],
		["5 seconds"],
		["5, 10"],
		["soon"],
		["NaN"],
		["Infinity"],
		["2026-01-15T10:31:45Z"],
		["Thu, 15 Jan 2026 10:30:45 GMT"],
		["Thu, 15 Jan 2026 10:29:45 GMT"],
		["Thu, 99 Foo 2026 10:31:45 GMT"],
		["9".repeat(400)],
	])("%j says nothing", (header) => {
		expect(retryAfterMs(header, NOW, CAP)).toBe(null);
	});
});
