import type { ByFault } from "./copies.ts";
import type { Figures } from "./run.ts";

/** What must hold after a run; of each that does not, a sentence. */
export function broken(f: Figures): string[] {
	const held = sum(f.held_by);
	const rules: [boolean, string][] = [
		[f.accepted === f.offered, `all ${f.offered} jobs are accepted, each under a key of its own`],
		[f.jobs === f.accepted, "there is one job for each key"],
		[f.lost === 0, "no accepted job is lost"],
		[f.terminal === f.accepted, "every accepted job ends"],
		[f.not_one_end === 0, "every job has exactly one terminal event"],
		[f.delivered === f.accepted, "every terminal event is delivered"],
		[f.differing_copies === 0, "all copies carry the bytes of their event"],
		[f.unexplained === 0, "no copy comes twice but where an attempt was cut off or failed"],
		[sum(f.duplicated_by) <= held, "there are no more duplicates than claims that the victims held"],
		[f.unrecorded_attempts === 0, "every attempt that arrived is in the history"],
		[f.freezes === 0 || f.fenced > 0, "the frozen process comes back with an attempt that was taken from it"],
		[f.not_fenced === 0, "and its writes are refused"],
		[f.fenced_and_missing === 0, "and its attempts stand in the history as it saw them"],
		[f.double_charges === 0, "no job is charged twice"],
		[f.unknown_otherwise === 0, "no send is unknown but those that a fault cut off"],
		[f.crashes.length === 0, `no process ends by itself: ${f.crashes.join("; ")}`],
	];
	return rules.filter(([so]) => !so).map(([, rule]) => rule);
}

const sum = (by: ByFault): number => by.kill + by.freeze + by.restart;
const by = ({ kill, freeze, restart }: ByFault): string => `${kill} by a kill, ${freeze} by a freeze, ${restart} by a restart`;

export function lines(f: Figures): string[] {
	const refused = Object.entries(f.refused).map(([status, n]) => `${n} ${status === "0" ? "without an answer" : `with ${status}`}`);
	return [
		`faults         ${f.kills} kills, ${f.freezes} freezes of twice a lease, ${f.restarts} restarts of PostgreSQL`,
		`offered        ${f.offered} jobs; submits sent again: ${refused.join(", ") || "none"}`,
		`accepted       ${f.accepted}`,
		`terminal       ${f.terminal}; ${f.interrupted_sends} sends were cut off, and ${f.unknown} stayed unknown (${by(f.unknown_by)})`,
		`delivered      ${f.delivered}`,
		`duplicated     ${f.duplicated} (${by(f.duplicated_by)}, ${f.duplicated_after_failure} after a failed attempt, ${f.unexplained} unexplained)`,
		`claims held    ${sum(f.held_by)} (${by(f.held_by)})`,
		`fenced         ${f.fenced} late writes of the frozen process, ${f.not_fenced} let through`,
		`lost           ${f.lost}`,
		`double charges ${f.double_charges}; ${f.calls} calls, at most ${f.calls_per_job} per job`,
		`events per job ${f.events_per_job}, ${f.not_one_end} jobs without exactly one end`,
		`seconds        ${f.seconds}`,
	];
}
