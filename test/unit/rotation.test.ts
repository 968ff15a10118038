import { describe, expect, it } from "vitest";
import { activeAt, afterRotation, readOld, storedOld } from "../../src/core/rotation.ts";

const H = 3_600_000;
const NOW = Date.UTC(2026, 0, 15);
const old = (secret: string, hours: number) => ({ secret, until: NOW + hours * H });
const wish = (overlapH: number, fresh = "new") => ({ overlapMs: overlapH * H, nowMs: NOW, isNew: (sealed: string) => sealed === fresh });

describe("what signs after a rotation beside the new secret", () => {
	it.each([
		["the one that is replaced, for the overlap", [], 24, { old: [old("a", 24)] }],
		["an older one, too, until its own end", [old("b", 5)], 24, { old: [old("a", 24), old("b", 5)] }],
		["an older one that ends later than it", [old("b", 100)], 1, { old: [old("a", 1), old("b", 100)] }],
		["not one that is over", [old("b", -1)], 24, { old: [old("a", 24)] }],
		["not one that ends at this very moment", [old("b", 0), old("c", 3)], 24, { old: [old("a", 24), old("c", 3)] }],
		["nothing without an overlap", [old("b", 5), old("c", 9)], 0, { old: [] }],
		["no fourth: it says when the next one ends", [old("b", 9), old("c", 5)], 24, { fullUntil: NOW + 5 * H }],
		["the new one itself not twice, where it was used before", [old("b", 9), old("new", 5)], 24, { old: [old("a", 24), old("b", 9)] }],
	])("%s", (_, before, overlapH, after) => {
		expect(afterRotation("a", before, wish(overlapH))).toEqual(after);
	});

	it("is what it was, where the new one is the current one again", () => {
		expect(afterRotation("a", [old("b", 9), old("c", 5)], wish(24, "a"))).toEqual({ old: [old("b", 9), old("c", 5)] });
	});

	it("comes back from the row as it went in; none is no text", () => {
		const both = [old("b", 9), old("c", 5)];
		expect(readOld(storedOld(both))).toEqual(both);
		expect([storedOld([]), readOld(null)]).toEqual([null, []]);
	});
});

it("an old secret is active until just before its end", () => {
	const one = [old("a", 1)];
	expect([NOW + H - 1, NOW + H, NOW + H + 1].map((now) => activeAt(one, now).length)).toEqual([1, 0, 0]);
});
