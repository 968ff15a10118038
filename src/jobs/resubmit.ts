import { nonce } from "../core/ids.ts";
import type { Deps } from "../deps.ts";
import { holdOf } from "./ground.ts";
import type { Known } from "./move.ts";
import { holdJobAlone } from "./sql/finish.ts";
import { supersede } from "./sql/resolve.ts";
import { nextIsCurrent, nextSubmission } from "./sql/work.ts";
import { pendingSubmission } from "./submission.ts";

/**
 * Sends a job again though the send before may have been taken: it can be charged twice. The old submission stands for it no
 * longer, so what is still told of it comes too late. False: it is no longer as `known` says.
 */
export async function resubmit(deps: Deps, known: Known): Promise<boolean> {
	const at = deps.clock.now();
	const { appId, jobId: job, provider, accountId, type, submissionId: replaced } = known;
	const token = nonce();
	const next = pendingSubmission({ appId, jobId: job, provider, accountId, type, n: known.n + 1, at });
	const [, superseded] = await deps.db.batch([
		holdJobAlone.bind(holdOf(known, token)),
		supersede.bind({ submission: replaced, job, token, now: at }),
		nextSubmission.bind({ ...next, replaced }),
		nextIsCurrent.bind({ job, submission: next.id, replaced }),
	]);
	if (superseded.length === 0) return false;
	deps.log.warn({ job, submission: replaced, next: next.id }, "submission.superseded");
	deps.wake({ kind: "submission", id: next.id, at });
	return true;
}
