import { newId } from "../core/ids.ts";
import type { Bound } from "../db/db.ts";
import type { Deps } from "../deps.ts";
import { type GivenUp, givenUp } from "./given-up.ts";
import { tellNotices, workOf } from "./notices/notice.ts";
import { isTooOld } from "./schedule.ts";
import * as sql from "./sql.ts";

/**
 * The write after a trouble of our own, and when the delivery will be due; `gaveUp`: never. It spends none of the receiver's
 * budget, but a delivery that only ever meets such trouble ends with its age.
 */
export function againAt(
	deps: Pick<Deps, "config">,
	{ armedAt }: { armedAt: number },
	at: { delivery: string; claim: string; reason: string; now: number; at: number },
) {
	if (isTooOld(deps.config, armedAt, at.at)) return { next: null, gaveUp: true, write: sql.exhausted.bind({ ...at, spent: 0 }) };
	return { next: at.at, gaveUp: false, write: sql.retryLater.bind({ ...at, spent: 0 }) };
}

interface Trouble {
	/** Of the delivery, and of its attempt. */
	reason: string;
	attempt: string;
	startedAt: number;
	durationMs: number | null;
	now: number;
	/** When it is due again. */
	at: number;
}

/** Settles an attempt that came to no answer. True where it was still this claim's. */
export async function settleOurs(
	deps: Deps,
	claimed: GivenUp & { claimId: string; armedAt: number },
	{ reason, attempt, startedAt, durationMs, now, at }: Trouble,
): Promise<boolean> {
	const { id, appId, claimId, n } = claimed;
	const { gaveUp, write } = againAt(deps, claimed, { delivery: id, claim: claimId, reason, now, at });
	const notices = gaveUp ? [givenUp(claimed, reason, now)] : [];
	const row = { id: newId("att", now), appId, deliveryId: id, n, outcome: "interrupted" as const, reason: attempt };
	const results = await deps.db.batch<Bound<unknown>[]>([
		write,
		sql.interruptAttempt.bind({ ...row, status: null, startedAt, durationMs, response: null }),
		...workOf(notices),
	]);
	tellNotices(deps, notices, results);
	return (results[0]?.length ?? 0) > 0;
}
