import type { Deps } from "../deps.ts";
import { alone } from "../lanes/alone.ts";
import { jobOf } from "./notices/types.ts";
import { settleOurs } from "./ours.ts";
import { expiredClaims } from "./sql.ts";

/**
 * Attempts whose lease ran out are recorded as `interrupted`, which spends no budget, and their deliveries become due
 * again. The one that made the attempt may still come back: it finds the fence closed.
 */
export async function releaseInterrupted(deps: Deps, most = 500): Promise<void> {
	const now = deps.clock.now();
	const expired = await deps.db.read(expiredClaims.bind({ now, most }));
	const release = async (claimed: (typeof expired)[number]) => {
		const { id: delivery, appId: app, target, n, claimedAt: startedAt } = claimed;
		const trouble = { reason: "interrupted", attempt: "lease_expired", startedAt, durationMs: null, now, at: now };
		if (!(await settleOurs(deps, claimed, trouble))) return;
		const job = jobOf(claimed.eventType, claimed.jobId);
		deps.log.warn({ app, job, delivery, target, n }, "attempt.interrupted");
		deps.wake({ kind: "delivery", id: delivery, at: now });
	};
	// a killed process leaves hundreds, and together they share a commit
	await Promise.all(expired.map((row) => alone(deps, { delivery: row.id }, () => release(row))));
}
