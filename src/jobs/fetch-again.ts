import type { Deps } from "../deps.ts";
import { type Claimed, fetchAgain, stopFetching } from "./sql/work.ts";

/** How long a result, or a file from a URL, is tried for after the first try that failed. */
const DEADLINE_MS = 3_600_000;
const FIRST_RETRY_MS = 5000;
const LONGEST_RETRY_MS = 300_000;

/** Waits as long as it has been tried, so the waits double: from 5 s up to 5 min, and the last try is at the deadline. */
export function fetchAgainMs(triedMs: number, retryAfterMs: number | null): number {
	const delay = Math.max(Math.min(LONGEST_RETRY_MS, Math.max(FIRST_RETRY_MS, triedMs)), retryAfterMs ?? 0);
	return Math.min(delay, DEADLINE_MS - triedMs);
}

/** `hopeless`: no other try will go better. */
export interface FailedFetch {
	reason: string;
	retryAfterMs: number | null;
	hopeless?: boolean;
}

/** Has it fetched again, within the hour. False: it is to be given up. One that we cut ourselves says nothing of anybody. */
export async function triedAgain(deps: Deps, claimed: Claimed, { reason, retryAfterMs, hopeless }: FailedFetch): Promise<boolean> {
	const now = deps.clock.now();
	const since = claimed.fetchingSince ?? now;
	const stopped = reason.endsWith("stopped");
	if (hopeless || (now - since >= DEADLINE_MS && !stopped)) return false;
	const at = stopped ? now : now + fetchAgainMs(now - since, retryAfterMs);
	await deps.db.batch([fetchAgain.bind({ submission: claimed.id, claim: claimed.claimId, at, since, reason })]);
	return true;
}

/** Nothing is left to fetch for: the job ended. */
export async function stopFetch(deps: Deps, { id: submission, claimId: claim }: Claimed): Promise<void> {
	await deps.db.batch([stopFetching.bind({ submission, claim, now: deps.clock.now() })]);
}
