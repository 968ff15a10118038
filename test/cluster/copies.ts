import type { Received } from "../support/launch.ts";
import type { Fault } from "./faults.ts";
import { attemptOf, type History, type Observed } from "./history.ts";
import type { Line } from "./node.ts";

export type ByFault = Record<Fault, number>;
/** A callback as it came. */
export const copyOf = ({ headers, body }: Received) => ({
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

export const byFault = (ids: Iterable<string>, faults: ReadonlyMap<string, Fault>): ByFault => {
	const found: ByFault = { kill: 0, freeze: 0, restart: 0 };
	for (const id of ids) {
		const fault = faults.get(id);
		if (fault !== undefined) found[fault]++;
	}
	return found;
};

/**
 * A second copy is right where an earlier attempt came to no good: its claim was held by a victim of a fault, or it failed
 * for us while the receiver had it, as a timeout does. `unexplained`: neither. `overtaken`: came after a later attempt.
 */
export function duplicates(history: History, { received, inFlight, lines }: Observed, copiesOf: ReturnType<typeof copyOf>[][]) {
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
export function lateWrites(history: History, { lines, frozenLines }: Observed) {
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
