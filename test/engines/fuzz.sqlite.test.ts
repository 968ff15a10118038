import { expect, it } from "vitest";
import { readService } from "../fuzz/document.ts";
import { findingIn, ownersAsked } from "../fuzz/report.ts";
import { fuzz } from "../fuzz/run.ts";

const RUNS = Number(process.env["FUZZ_RUNS"] ?? 10_000);
const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 31);

/** What as many hooks are bound to come across. */
const OUTCOMES = ["applied", "conflicting", "duplicate", "ignored", "late", "mismatched", "orphan", "repeated", "unreadable"];

it("breaks no rule with thousands of random requests and hooks, and leaves no row without an owner", { timeout: 600_000 }, async () => {
	console.log(`${RUNS} inputs, FUZZ_SEED=${seed}`);
	const result = await fuzz({ seed, inputs: RUNS });
	console.log(`${ownersAsked(result)}\n${result.inputs} inputs, ${Math.round(result.seconds)} s`);
	expect(findingIn(result)).toBe(null);
	expect(result.inputs).toBeGreaterThanOrEqual(RUNS);
	expect(new Set(Object.values(result.ownerless))).toEqual(new Set([0]));
	if (RUNS < 5000) return;
	const met = [...result.met.keys()];
	const { operations } = await readService();
	const never = operations.flatMap(({ name }) => (met.some((what) => what.startsWith(`${name} 2`)) ? [] : [name]));
	const unheard = OUTCOMES.filter((outcome) => !met.some((what) => what.endsWith(` 200 ${outcome}`)));
	expect([...never, ...unheard].length, `what was never reached: ${[...never, ...unheard].join(", ")}`).toBeLessThan(5); // some are rare
});
