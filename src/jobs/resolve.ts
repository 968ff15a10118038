import { nonce } from "../core/ids.ts";
import { ConstraintError } from "../db/db.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { pollLane } from "../providers/provider.ts";
import { finish } from "./finish.ts";
import { holdOf } from "./ground.ts";
import { isTerminal } from "./job.ts";
import type { Known } from "./move.ts";
import { joinOrphansOf } from "./orphans.ts";
import { type Job, readJob } from "./read.ts";
import { resubmit } from "./resubmit.ts";
import { holdJobAlone, knownOfJob } from "./sql/finish.ts";
import { attached } from "./sql/resolve.ts";
import { jobSubmitted } from "./sql/work.ts";

export type Resolution = { action: "attach"; provider_job_id: string } | { action: "resubmit" } | { action: "fail" };

/**
 * Decides a send whose outcome is unknown: the provider's id was found, send it again, or give it up. Null when this app has
 * no such job; throws `already_ended`, and `not_possible` where nothing is unknown.
 */
export async function resolve(deps: Deps, appId: string, jobId: string, resolution: Resolution): Promise<Job | null> {
	for (;;) {
		const [known] = await deps.db.read(knownOfJob.bind({ app: appId, job: jobId }));
		if (known === undefined) return null;
		if (isTerminal(known.state)) throw new JobhookError("already_ended", `this job is ${known.state} already`);
		if (known.submissionState !== "unknown")
			throw new JobhookError("not_possible", `nothing is unknown about this job: its send is ${known.submissionState}`);
		if (await act(deps, known, resolution)) return readJob(deps, appId, jobId);
	}
}

function act(deps: Deps, known: Known, resolution: Resolution): Promise<boolean> {
	switch (resolution.action) {
		case "attach":
			return attach(deps, known, resolution.provider_job_id);
		case "resubmit":
			return resubmit(deps, known);
		case "fail": {
			const message = "given up by request; whether the provider took this job never became known, and it may have been charged";
			const move = { state: "failed" as const, code: "submission_unknown", message, providerJobId: null };
			return finish(deps, known, move, { kind: "own", submissionState: "unknown", reason: "submission_unknown" });
		}
	}
}

/** The provider is asked at once whether it knows the id. */
async function attach(deps: Deps, known: Known, providerJob: string): Promise<boolean> {
	const { jobId: job, submissionId: submission, provider, accountId: account } = known;
	const now = deps.clock.now();
	const token = nonce();
	try {
		const [, taken] = await deps.db.batch([
			holdJobAlone.bind(holdOf(known, token)),
			attached.bind({ submission, job, token, providerJob, lane: pollLane(account), now }),
			jobSubmitted.bind({ job, submission }),
		]);
		if (taken.length === 0) return false;
	} catch (e) {
		if (!(e instanceof ConstraintError)) throw e;
		const message = "belongs to another job";
		throw new JobhookError("validation_failed", `provider_job_id: ${message}`, { details: [{ field: "provider_job_id", message }] });
	}
	deps.log.info({ job, submission, provider_job: providerJob }, "submission.attached");
	deps.wake({ kind: "submission", id: submission, at: now });
	await joinOrphansOf(deps, { provider, account, providerJob });
	return true;
}
