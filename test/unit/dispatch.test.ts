import { describe, expect, it } from "vitest";
import { sendAgainMs } from "../../src/jobs/dispatch.ts";
import { pollDelayMs } from "../../src/jobs/ladder.ts";
import { pauseMs } from "../../src/lanes/pause.ts";

describe("when a send is repeated", () => {
	it.each([
		[1, 0, 5000],
		[1, 0.5, 5500],
		[1, 1, 6000],
		[2, 0, 10_000],
		[3, 0, 20_000],
		[7, 0, 320_000],
		[8, 0, 600_000],
		[8, 1, 720_000],
		[1000, 0, 600_000],
		[1e9, 0.5, 660_000],
	])("after %i sends with chance %f: %i ms", (sends, chance, expected) => {
		expect(sendAgainMs(sends, null, chance)).toBe(expected);
	});

	it.each([
		[1, 37_000, 37_000],
		[1, 1000, 5500],
		[1, 0, 5500],
		[1, 5501, 5501],
		[20, 86_400_000, 86_400_000],
		[20, 1000, 660_000],
	])(
		"after %i sends and a Retry-After of %i ms: %i ms, the longer of both and no chance added to the provider's",
		(sends, header, expected) => {
			expect(sendAgainMs(sends, header, 0.5)).toBe(expected);
		},
	);
});

describe("how long an account in trouble pauses", () => {
	it.each([
		[0, 30_000],
		[1, 60_000],
		[2, 120_000],
		[3, 240_000],
		[4, 480_000],
		[5, 600_000],
		[1_000_000, 600_000],
	])("after %i pauses in a row: %i ms", (strikes, expected) => {
		expect(pauseMs(strikes)).toBe(expected);
	});
});

describe("when the next poll comes", () => {
	const ladder = { firstMs: 30_000, maxMs: 60_000 };
	it.each([
		[0, 0.5, 30_000],
		[1, 0.5, 45_000],
		[2, 0.5, 60_000],
		[3, 0.5, 60_000],
		[1e9, 0.5, 60_000],
		[0, 0, 24_000],
		[0, 1, 36_000],
		[2, 0, 48_000],
		[2, 1, 72_000],
	])("after %i polls with chance %f: %i ms", (polls, chance, expected) => {
		expect(pollDelayMs(ladder, polls, chance)).toBe(expected);
	});

	it("is a whole number of milliseconds whatever the chance", () => {
		for (let i = 0; i < 100; i++) expect(Number.isSafeInteger(pollDelayMs({ firstMs: 2000, maxMs: 8000 }, i, i / 101))).toBe(true);
	});
});
