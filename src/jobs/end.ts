import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { finish } from "./finish.ts";
import { isTerminal } from "./job.ts";
import { knownBySubmission } from "./sql/finish.ts";

/**
 * Ends a job as `failed` on our own account: refused by the provider, never taken, unknown or silent past its deadline.
 * Does nothing when the job ended meanwhile, or when this submission is no longer what it was when we decided.
 */
export async function endSubmission(
	deps: Deps,
	decided: { id: string; state: string; phase: string },
	failure: { state: string; code: string; message: string },
): Promise<void> {
	for (let attempt = 0; attempt < 20; attempt++) {
		const [known] = await deps.db.read(knownBySubmission.bind({ submission: decided.id, told: "" }));
		if (known === undefined || isTerminal(known.state) || known.currentSubmissionId !== decided.id) return;
		// the one sender of a submission may bring its bad news after its lease ran out
		const late = decided.state === "sending" && known.submissionState === "unknown" && known.providerJobId === null;
		if ((known.submissionState !== decided.state || known.phase !== decided.phase) && !late) return;
		const move = { state: "failed" as const, code: failure.code, message: failure.message, providerJobId: null };
		if (await finish(deps, known, move, { kind: "own", submissionState: failure.state, reason: failure.code })) return;
	}
	throw new JobhookError("internal", "a job moved on every try to end it");
}
