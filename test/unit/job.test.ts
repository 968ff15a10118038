import { describe, expect, it } from "vitest";
import { type EventState, isTerminal, type JobState, judge, type Known, type Verdict } from "../../src/jobs/job.ts";

const STATES: readonly JobState[] = ["queued", "submitted", "processing", "completed", "failed", "canceled"];
const TOLD: readonly EventState[] = ["processing", "completed", "failed", "canceled"];

const known = (over: Partial<Known> = {}): Known => ({
	state: "submitted",
	submissionId: "sub_1",
	currentSubmissionId: "sub_1",
	providerJobId: "p-1",
	sameAccount: true,
	idTaken: false,
	fetching: false,
	...over,
});
const told = (state: EventState | null, providerJobId = "p-1") => ({ state, providerJobId });

describe("what a provider's word is worth", () => {
	it("about a job whose result is being fetched: success was told, and stands", () => {
		const verdicts = TOLD.slice(0, 3).map((word) => judge(known({ state: "processing", fetching: true }), told(word)));
		expect(verdicts).toEqual(["repeated", "repeated", "conflicting"]);
	});

	const rows: [JobState, Record<Exclude<EventState, "canceled">, Verdict>][] = [
		["queued", { processing: "apply", completed: "apply", failed: "apply" }],
		["submitted", { processing: "apply", completed: "apply", failed: "apply" }],
		["processing", { processing: "repeated", completed: "apply", failed: "apply" }],
		["completed", { processing: "late", completed: "late", failed: "conflicting" }],
		["failed", { processing: "late", completed: "conflicting", failed: "late" }],
		["canceled", { processing: "late", completed: "conflicting", failed: "conflicting" }],
	];
	it.each(rows)("about a job that is %s: %j", (state, verdicts) => {
		for (const [word, verdict] of Object.entries(verdicts))
			expect([word, judge(known({ state }), told(word as EventState))]).toEqual([word, verdict]);
	});

	it.each<[string, Known | null, ReturnType<typeof told>, Verdict]>([
		["no submission of ours", null, told("completed"), "orphan"],
		["an event we do not know", known(), told(null), "ignored"],
		["another job's id", known(), told("completed", "p-2"), "mismatched"],
		["another job's id, of a job that has ended", known({ state: "completed" }), told("completed", "p-2"), "mismatched"],
		["an id for a submission that has none", known({ providerJobId: null }), told("completed"), "apply"],
		["an id that another submission carries", known({ providerJobId: null, idTaken: true }), told("completed"), "mismatched"],
		["our id, which another carries too", known({ idTaken: true }), told("completed"), "apply"],
		["a submission that was replaced", known({ currentSubmissionId: "sub_2" }), told("completed"), "late"],
		["a replaced one that never had an id", known({ currentSubmissionId: "sub_2", providerJobId: null }), told("failed"), "late"],
	])("about %s: %4$s", (_, about, word, verdict) => {
		expect(judge(about, word)).toBe(verdict);
	});
});

describe("in every combination", () => {
	const every = STATES.flatMap((state) =>
		["sub_1", "sub_2"].flatMap((currentSubmissionId) =>
			["p-1", "p-2", null].flatMap((providerJobId) =>
				[true, false].flatMap((idTaken) =>
					[...TOLD, null].map((word) => ({ about: known({ state, currentSubmissionId, providerJobId, idTaken }), word })),
				),
			),
		),
	);

	it("a job that has ended is never moved", () => {
		for (const { about, word } of every) if (isTerminal(about.state)) expect(judge(about, told(word))).not.toBe("apply");
	});

	it("only the current submission moves its job, and only under its own id", () => {
		for (const { about, word } of every) {
			if (judge(about, told(word)) !== "apply") continue;
			expect(about.submissionId).toBe(about.currentSubmissionId);
			expect([null, "p-1"]).toContain(about.providerJobId);
			expect(about.state).not.toBe(word);
		}
	});

	it("a job that has not ended can always be ended by its current submission", () => {
		for (const { about, word } of every) {
			const own = about.providerJobId === "p-1" || (about.providerJobId === null && !about.idTaken);
			if (isTerminal(about.state) || word === null || !isTerminal(word) || !own || about.currentSubmissionId !== "sub_1") continue;
			expect(judge(about, told(word))).toBe("apply");
		}
	});
});

it("knows which states are ends", () => {
	expect(STATES.filter(isTerminal)).toEqual(["completed", "failed", "canceled"]);
});
