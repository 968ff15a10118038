import { expect, it } from "vitest";
import { loadConfig } from "../../src/config.ts";
import type { Deps } from "../../src/deps.ts";
import { Nudges } from "../../src/jobs/nudge.ts";

/** `takes`: whether there is a poll to make due. */
function nudges(takes: () => boolean) {
	let now = 1_000_000;
	const seen = { statements: 0, woken: 0 };
	const batch = async () => {
		seen.statements++;
		return [takes() ? [{ id: "sub" }] : []];
	};
	const deps = { db: { batch }, clock: { now: () => now }, config: loadConfig({}), wake: () => seen.woken++ } as unknown as Deps;
	const pass = (ms: number) => {
		now += ms;
	};
	return { nudges: new Nudges(deps), seen, pass };
}

it("a thousand hooks at one live address cost one statement in ten seconds", async () => {
	const { nudges: made, seen, pass } = nudges(() => true);
	const all = await Promise.all(Array.from({ length: 1000 }, () => made.poll("sub_a")));
	expect(all.filter(Boolean)).toHaveLength(1);
	pass(9999);
	await made.poll("sub_a");
	expect(seen).toEqual({ statements: 1, woken: 1 });
	pass(1);
	await made.poll("sub_a");
	expect(seen).toEqual({ statements: 2, woken: 2 });
});

it("one that found nothing to do is tried again after a second, and one after a clock was set back at once", async () => {
	let takes = false;
	const { nudges: made, seen, pass } = nudges(() => takes);
	for (const ms of [0, 999]) {
		pass(ms);
		expect(await made.poll("sub_a")).toBe(false);
	}
	expect(seen.statements).toBe(1);
	takes = true;
	pass(1);
	expect(await made.poll("sub_a")).toBe(true);
	pass(-3_600_000);
	expect(await made.poll("sub_a")).toBe(true);
});

it("remembers no more than ten thousand, the latest", async () => {
	const { nudges: made, seen } = nudges(() => true);
	for (let i = 0; i < 30_000; i++) await made.poll(`sub_${i}`);
	expect(made.size).toBe(10_000);
	expect(seen.statements).toBe(30_000);
	await made.poll("sub_29999");
	expect(seen.statements).toBe(30_000);
	await made.poll("sub_0");
	expect(seen.statements).toBe(30_001);
});
