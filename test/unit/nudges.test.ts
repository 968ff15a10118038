import { expect, it } from "vitest";
import { loadConfig } from "../../src/config.ts";
import type { Deps } from "../../src/deps.ts";
import { Nudges } from "../../src/jobs/nudge.ts";

const EVERY_MS = 10_000;

/** `takes`: whether there is a poll to make due. Now, or, where that has been within the last ten seconds, at their end. */
function nudges(takes: () => boolean) {
	let now = 1_000_000;
	let [nudgedAt, later] = [Number.NEGATIVE_INFINITY, false];
	const seen = { batches: 0, due: [] as number[] };
	const batch = async () => {
		seen.batches++;
		if (!takes()) return [[], []];
		if (nudgedAt <= now - EVERY_MS) {
			[nudgedAt, later] = [now, false];
			return [[{ id: "sub" }], []];
		}
		if (later) return [[], []];
		later = true;
		return [[], [{ at: nudgedAt + EVERY_MS }]];
	};
	const wake = ({ at }: { at: number }) => seen.due.push(at - 1_000_000);
	const deps = { db: { batch }, clock: { now: () => now }, config: loadConfig({}), wake } as unknown as Deps;
	const pass = (ms: number) => {
		now += ms;
	};
	return { nudges: new Nudges(deps), seen, pass };
}

it("a thousand hooks at one live address cost one batch at once, and one more in ten seconds", async () => {
	const { nudges: made, seen, pass } = nudges(() => true);
	const thousand = async () => (await Promise.all(Array.from({ length: 1000 }, () => made.poll("sub_a")))).filter(Boolean).length;
	expect(await thousand()).toBe(1);
	pass(249);
	expect(await thousand()).toBe(0);
	pass(1);
	expect(await thousand()).toBe(1);
	pass(9749);
	expect(await thousand()).toBe(0);
	expect(seen).toEqual({ batches: 2, due: [0, 10_000] });
	pass(1);
	expect(await thousand()).toBe(1);
	expect(seen).toEqual({ batches: 3, due: [0, 10_000, 10_000] });
});

it("one that found nothing to do is tried again after a moment, and one after a clock was set back at once", async () => {
	let takes = false;
	const { nudges: made, seen, pass } = nudges(() => takes);
	for (const ms of [0, 249]) {
		pass(ms);
		expect(await made.poll("sub_a")).toBe(false);
	}
	expect(seen.batches).toBe(1);
	takes = true;
	pass(1);
	expect(await made.poll("sub_a")).toBe(true);
	pass(-3_600_000);
	expect(await made.poll("sub_a")).toBe(true);
});

it("remembers no more than ten thousand, the latest", async () => {
	const { nudges: made, seen } = nudges(() => false);
	for (let i = 0; i < 30_000; i++) await made.poll(`sub_${i}`);
	expect(made.size).toBe(10_000);
	expect(seen.batches).toBe(30_000);
	await made.poll("sub_29999");
	expect(seen.batches).toBe(30_000);
	await made.poll("sub_0");
	expect(seen.batches).toBe(30_001);
});
