import type { Received } from "../support/launch.ts";
import type { Fault, InFlight } from "./faults.ts";
import { attemptOf, type History } from "./history.ts";
import type { Line } from "./node.ts";

/** What was seen from outside. */
export interface Observed {
	offered: number;
	accepted: ReadonlyMap<string, string>;
	received: readonly Received[];
	inFlight: InFlight;
	/** The provider's jobs by submission, and how many there are. */
	jobsOf: ReadonlyMap<string, ReadonlySet<string>>;
	made: number;
	/** The logs of all processes, and of those that were frozen. */
	lines: readonly Line[];
	frozenLines: readonly Line[];
}

export type ByFault = Record<Fault, number>;
export type Judgement = ReturnType<typeof judge>;

/** The figures of a run: what history says against what was seen. */
export function judge(history: History, seen: Observed) {
	const accepted = new Set(seen.accepted.values());
	const ends = history.events.filter(({ type }) => type !== "job.processing");
	const endsOf = Map.groupBy(ends, ({ job_id }) => job_id);
	const copiesOf = Map.groupBy(seen.received.map(copyOf), ({ event }) => event);
	const told = (job: string) => endsOf.get(job)?.every(({ id }) => copiesOf.has(id)) ?? false;
	const bodies = new Map(history.events.map(({ id, body }) => [id, body]));
	const ended = new Set(history.jobs.filter((job) => job.ended).map(({ id }) => id));
	return {
		offered: seen.offered,
		accepted: accepted.size,
		jobs: history.jobs.length,
		terminal: ended.size,
		delivered: [...accepted].filter(told).length,
		lost: [...accepted].filter((id) => !ended.has(id) || !told(id)).length,
		not_one_end: history.jobs.filter(({ id }) => endsOf.get(id)?.length !== 1).length,
		events_per_job: ratio(history.events.length, history.jobs.length),
		received: seen.received.length,
		differing_copies: [...copiesOf].reduce((sum, [id, copies]) => sum + copies.filter(({ body }) => body !== bodies.get(id)).length, 0),
		...duplicates(history, seen, [...copiesOf.values()]),
		...lateWrites(history, seen),
		...charges(history, seen),
	};
}

const ratio = (a: number, b: number): number => Math.round((100 * a) / b) / 100;
const copyOf = ({ headers, body }: Received) => ({
	event: String(headers["webhook-id"]),
	attempt: attemptOf(String(headers["jobhook-delivery"]), Number(headers["jobhook-attempt"])),
	n: Number(headers["jobhook-attempt"]),
	body,
});

/** Attempts whose lease ran out, also where the late answer has replaced the word since. */
function interruptedOnes(history: History, lines: readonly Line[]): Set<string> {
	const rows = history.attempts.filter(({ outcome }) => outcome === "interrupted");
	const logged = lines.filter(({ msg }) => msg === "attempt.interrupted");
	return new Set([
		...rows.map((row) => attemptOf(row.delivery_id, row.n)),
		...logged.map((one) => attemptOf(one.delivery ?? "", one.n ?? 0)),
	]);
}

const byFault = (ids: Iterable<string>, faults: ReadonlyMap<string, Fault>): ByFault => {
	const found: ByFault = { kill: 0, freeze: 0, restart: 0 };
	for (const id of ids) {
		const fault = faults.get(id);
		if (fault !== undefined) found[fault]++;
	}
	return found;
};

/**
 * A second copy is right where an earlier attempt came to no good: its claim was held by a victim of a fault, or it failed
 * for us while the receiver had it, as a timeout does. `unexplained`: neither.
 */
function duplicates(history: History, { received, inFlight, lines }: Observed, copiesOf: ReturnType<typeof copyOf>[][]) {
	const interrupted = interruptedOnes(history, lines);
	const failed = new Set(history.attempts.filter((a) => a.outcome === "failed").map((a) => attemptOf(a.delivery_id, a.n)));
	const earlier = copiesOf.flatMap((copies) => copies.toSorted((a, b) => a.n - b.n).slice(0, -1));
	const sentTwice = received.length - new Set(received.map((one) => copyOf(one).attempt)).size;
	const held = (attempt: string) => interrupted.has(attempt) && inFlight.attempts.has(attempt);
	const ofVictims = earlier.filter(({ attempt }) => held(attempt));
	const others = earlier.filter(({ attempt }) => !held(attempt));
	const recorded = new Set(history.attempts.map((a) => attemptOf(a.delivery_id, a.n)));
	return {
		duplicated: earlier.length,
		duplicated_by: byFault(new Set(ofVictims.map(({ attempt }) => attempt)), inFlight.attempts),
		held_by: byFault([...interrupted], inFlight.attempts),
		overtaken: copiesOf.reduce(
			(sum, copies) => sum + copies.filter(({ n }, i) => copies.slice(0, i).some((other) => other.n > n)).length,
			0,
		),
		duplicated_after_failure: others.filter(({ attempt }) => failed.has(attempt)).length,
		unexplained: others.filter(({ attempt }) => !failed.has(attempt)).length + sentTwice,
		unrecorded_attempts: received.filter((one) => !recorded.has(copyOf(one).attempt)).length,
	};
}

/** Of a frozen process: what it wrote of attempts that had been taken from it. */
function lateWrites(history: History, { lines, frozenLines }: Observed) {
	const interrupted = interruptedOnes(history, lines);
	const rows = new Map(history.attempts.map((row) => [attemptOf(row.delivery_id, row.n), row]));
	const late = frozenLines.filter(({ msg, delivery = "", n = 0 }) => msg === "attempt.finished" && interrupted.has(attemptOf(delivery, n)));
	const fenced = late.filter(({ state }) => state === "fenced");
	return {
		fenced: fenced.length,
		not_fenced: late.length - fenced.length,
		fenced_and_missing: fenced.filter(({ delivery = "", n = 0, reason }) => rows.get(attemptOf(delivery, n))?.reason !== reason).length,
	};
}

/** By submission, so by job: the provider was asked at most once for each, whatever became of the answer. */
function charges(history: History, { jobsOf, made, inFlight }: Observed) {
	const calls = new Map<string, number>();
	for (const { id, job_id } of history.submissions) calls.set(job_id, (calls.get(job_id) ?? 0) + (jobsOf.get(id)?.size ?? 0));
	const unknown = new Set(history.jobs.filter(({ error_code }) => error_code === "submission_unknown").map(({ id }) => id));
	const sends = history.submissions.filter(({ job_id }) => unknown.has(job_id)).map(({ id }) => id);
	const counted = [...calls.values()].reduce((sum, n) => sum + n, 0);
	return {
		calls: made,
		calls_per_job: Math.max(0, ...calls.values()),
		double_charges: Math.max([...calls.values()].filter((n) => n > 1).length, made - counted),
		unknown: unknown.size,
		unknown_by: byFault(sends, inFlight.sends),
		unknown_otherwise: sends.filter((id) => !inFlight.sends.has(id)).length,
	};
}
