import { newId } from "../core/ids.ts";
import type { Deps } from "../deps.ts";
import { alone } from "../lanes/alone.ts";
import { againAt } from "./ours.ts";
import { expiredClaims, interruptAttempt } from "./sql.ts";

/**
 * Attempts whose lease ran out are recorded as `interrupted`, which spends no budget, and their deliveries become due
 * again. The one that made the attempt may still come back: it finds the fence closed.
 */
export async function releaseInterrupted(deps: Deps, most = 500): Promise<void> {
	const now = deps.clock.now();
	const expired = await deps.db.read(expiredClaims.bind({ now, most }));
	const release = async ({ id, appId, claimId, n, claimedAt, armedAt }: (typeof expired)[number]) => {
		const [released] = await deps.db.batch([
			againAt(deps, { armedAt }, { delivery: id, claim: claimId, reason: "interrupted", now, at: now }).write,
			interruptAttempt.bind({
				id: newId("att", now),
				appId,
				deliveryId: id,
				n,
				outcome: "interrupted",
				reason: "lease_expired",
				status: null,
				startedAt: claimedAt,
				durationMs: null,
				response: null,
			}),
		]);
		if (released.length === 0) return;
		deps.log.warn({ delivery: id, n }, "attempt.interrupted");
		deps.wake({ kind: "delivery", id, at: now });
	};
	// a killed process leaves hundreds, and together they share a commit
	await Promise.all(expired.map((row) => alone(deps, { delivery: row.id }, () => release(row))));
}
