import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ENDPOINT, player } from "../suite/property/play.ts";
import { lives, type Step } from "../suite/property/steps.ts";
import { freshSqlite } from "../support/sqlite.ts";
import { openWorld, type World } from "../support/world.ts";

const RUNS = Number(process.env["PROPERTY_RUNS"] ?? 2000);
const seed = Number(process.env["PROPERTY_SEED"] ?? Date.now() % 2 ** 31);

/** What thousands of lives are bound to come across; a step that no longer does what it says would be missing here. */
const MET = [
	...["applied", "conflicting", "duplicate", "ignored", "late", "mismatched", "orphan", "repeated"].map((o) => `hook.recorded ${o}`),
	...["accepted", "account_trouble", "not_taken", "refused", "unknown"].map((outcome) => `submission.finished ${outcome}`),
	...["answered", "failed", "missing"].map((outcome) => `poll.finished ${outcome}`),
	...["processing", "completed", "failed", "canceled"].map((to) => `job.moved ${to}`),
	...["submission.attached", "submission.superseded"],
	...["hook.refused", "attempt.interrupted", "attempt.finished delivered", "attempt.finished pending"],
];

let world: World;
let play: (steps: Step[]) => Promise<void>;
beforeAll(async () => {
	const db = freshSqlite();
	db.raw.pragma("synchronous = OFF"); // what a power cut leaves behind is another file's subject
	const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
	world = await openWorld(db, { settle: turn, knobs: { balance: 1e9, hooks: { autoDisableAfter: null } } });
	await world.endpoint({ url: ENDPOINT });
	play = player(world, turn);
});
afterAll(() => world.close());

it("keeps every promise in thousands of random lives", { timeout: 300_000 }, async () => {
	console.log(`${RUNS} lives, PROPERTY_SEED=${seed}`);
	const met = new Set<string>();
	const property = fc.asyncProperty(lives, async (steps) => {
		await play(steps);
		for (const { what, fields } of world.lines) met.add(`${what} ${fields["outcome"] ?? fields["state"] ?? fields["to"] ?? ""}`.trim());
	});
	await fc.assert(property, { numRuns: RUNS, seed });
	if (RUNS >= 1000) expect([...met]).toEqual(expect.arrayContaining(MET));
});
