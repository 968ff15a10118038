import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { finish } from "./finish.ts";
import { isTerminal } from "./job.ts";
import type { Ground, Known } from "./move.ts";
import { type Job, readJob } from "./read.ts";
import { knownOfJob } from "./sql/finish.ts";

/**
 * Ends a job that no one has begun to send. `forget` also ends one that was sent, on our side only: no provider takes a job
 * back. Null when this app has none of that id; throws `already_sent`, `already_ended`.
 */
export async function cancel(deps: Deps, appId: string, jobId: string, forget: boolean): Promise<Job | null> {
	for (;;) {
		const [known] = await deps.db.read(knownOfJob.bind({ app: appId, job: jobId }));
		if (known === undefined) return null;
		if (isTerminal(known.state)) throw new JobhookError("already_ended", `this job is ${known.state} already`);
		const message = known.submissionState === "pending" ? "canceled before it was sent" : "canceled here; the provider may still run it";
		const move = { state: "canceled" as const, message, providerJobId: null };
		if (await finish(deps, known, move, groundOf(known, forget))) return readJob(deps, appId, jobId);
	}
}

function groundOf(known: Known, forget: boolean): Ground {
	if (known.submissionState === "pending") return { kind: "withdrawn", reason: "canceled" };
	if (!forget)
		throw new JobhookError("already_sent", "this job was sent, and the provider takes none back; ?forget=true ends it on this side only");
	// whoever is sending it right now may still hand in how that went
	const submissionState = known.submissionState === "sending" ? "unknown" : known.submissionState;
	return { kind: "own", submissionState, reason: "forgotten" };
}
