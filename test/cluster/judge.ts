import { byFault, copyOf, duplicates, lateWrites } from "./copies.ts";
import type { History, Observed } from "./history.ts";

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
/** By submission, so by job: the provider was asked at most once for each, whatever became of the answer. */
function charges(history: History, { jobsOf, made, inFlight, lines }: Observed) {
	const calls = new Map<string, number>();
	for (const { id, job_id } of history.submissions) calls.set(job_id, (calls.get(job_id) ?? 0) + (jobsOf.get(id)?.size ?? 0));
	const unknown = new Set(history.jobs.filter(({ error_code }) => error_code === "submission_unknown").map(({ id }) => id));
	const sends = history.submissions.filter(({ job_id }) => unknown.has(job_id)).map(({ id }) => id);
	const counted = [...calls.values()].reduce((sum, n) => sum + n, 0);
	return {
		calls: made,
		calls_per_job: Math.max(0, ...calls.values()),
		double_charges: Math.max([...calls.values()].filter((n) => n > 1).length, made - counted),
		interrupted_sends: lines.filter(({ msg, reason }) => msg === "submission.finished" && reason === "interrupted").length,
		unknown: unknown.size,
		unknown_by: byFault(sends, inFlight.sends),
		unknown_otherwise: sends.filter((id) => !inFlight.sends.has(id)).length,
	};
}
