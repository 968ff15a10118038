import type { Deps } from "../deps.ts";
import { jobDeadlineMs } from "../providers/index.ts";
import { pollLane } from "../providers/provider.ts";
import * as sql from "./sql/work.ts";

/**
 * Claims whose lease ran out. A poll is simply due again. A send may have reached the provider: its outcome is unknown,
 * and it is never repeated by itself.
 */
export async function releaseSubmissions(deps: Deps): Promise<void> {
	const now = deps.clock.now();
	for (const { id, jobId, provider, accountId, claimId, state, sentAt } of await deps.db.read(sql.expiredClaims.bind({ now }))) {
		if (state !== "sending") {
			await deps.db.batch([sql.releasePoll.bind({ submission: id, claim: claimId, now })]);
			continue;
		}
		const deadline = (sentAt ?? now) + jobDeadlineMs(deps.config, provider);
		await deps.db.batch([sql.unknown.bind({ submission: id, claim: claimId, reason: "interrupted", lane: pollLane(accountId), deadline })]);
		deps.log.warn({ job: jobId, submission: id, outcome: "unknown", reason: "interrupted" }, "submission.finished");
	}
}
