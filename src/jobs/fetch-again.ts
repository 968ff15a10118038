import type { Deps } from "../deps.ts";
import { type Claimed, fetchAgain, stopFetching } from "./sql/work.ts";

/** How long a result, or a file from a URL, is tried for after the first try that failed, where nothing else is said. */
const DEADLINE_MS = 3_600_000;
const FIRST_RETRY_MS = 5000;
const LONGEST_RETRY_MS = 300_000;

/** Waits as long as it has been tried, so the waits double: from 5 s up to 5 min, and the last try is at the deadline. */
export function fetchAgainMs(triedMs: number, retryAfterMs: number | null, deadlineMs = DEADLINE_MS): number {
	const delay = Math.max(Math.min(LONGEST_RETRY_MS, Math.max(FIRST_RETRY_MS, triedMs)), retryAfterMs ?? 0);
	return Math.min(delay, deadlineMs - triedMs);
}

/** `hopeless`: no other try will go better. */
export interface FailedFetch {
	reason: string;
	retryAfterMs: number | null;
	hopeless?: boolean;
	/** For people, where there is more to say than `reason`. */
	message?: string;
	/** The account's key was refused: the operator has as long as for a send. */
	account?: boolean;
}

/** Has it fetched again, within the hour. False: it is to be given up. One that we cut ourselves says nothing of anybody. */
export async function triedAgain(deps: Deps, claimed: Claimed, failed: FailedFetch): Promise<boolean> {
	const { reason, retryAfterMs, hopeless, account } = failed;
	const now = deps.clock.now();
	const since = claimed.fetchingSince ?? now;
	const stopped = reason.endsWith("stopped");
	const deadlineMs = account ? deps.config.dispatchDeadlineMs : DEADLINE_MS;
	if (hopeless || (now - since >= deadlineMs && !stopped)) return false;
	const at = stopped ? now : now + fetchAgainMs(now - since, retryAfterMs, deadlineMs);
	await deps.db.batch([fetchAgain.bind({ submission: claimed.id, claim: claimed.claimId, at, since, reason })]);
	return true;
}

/** Nothing is left to fetch for: the job ended. */
export async function stopFetch(deps: Deps, { id: submission, claimId: claim }: Claimed): Promise<void> {
	await deps.db.batch([stopFetching.bind({ submission, claim, now: deps.clock.now() })]);
}
