import type { Deps } from "../deps.ts";
import { alone } from "../lanes/alone.ts";
import { pollLane } from "../providers/provider.ts";
import * as sql from "./sql/work.ts";
import { unknownUntil } from "./unknown.ts";

/**
 * Claims whose lease ran out. Questions and fetches are simply due again. A send may have reached the provider: its outcome is unknown,
 * and it is never repeated by itself.
 */
export async function releaseSubmissions(deps: Deps, most = 500): Promise<void> {
	const now = deps.clock.now();
	const expired = await deps.db.read(sql.expiredClaims.bind({ now, most }));
	const release = async ({ id, jobId, provider, accountId, claimId, state, sentAt }: (typeof expired)[number]) => {
		if (state !== "sending") {
			const [released] = await deps.db.batch([sql.releaseRepeatable.bind({ submission: id, claim: claimId, now })]);
			if (released.length > 0) deps.wake({ kind: "submission", id, at: now });
			return;
		}
		const deadline = unknownUntil(deps, { provider, sentAt });
		await deps.db.batch([sql.unknown.bind({ submission: id, claim: claimId, reason: "interrupted", lane: pollLane(accountId), deadline })]);
		deps.log.warn({ job: jobId, submission: id, outcome: "unknown", reason: "interrupted" }, "submission.finished");
	};
	// a killed process leaves hundreds, and together they share a commit
	await Promise.all(expired.map((row) => alone(deps, { submission: row.id }, () => release(row))));
}
