import { accountById } from "../access/accounts.ts";
import { nonce } from "../core/ids.ts";
import type { Bound } from "../db/db.ts";
import type { Deps } from "../deps.ts";
import { PROVIDERS } from "../providers/index.ts";
import { endSubmission } from "./end.ts";
import { finish } from "./finish.ts";
import { holdOf, openHold } from "./ground.ts";
import { holding } from "./hold.ts";
import { isTerminal } from "./job.ts";
import { type Fetched, fetchFile, fetchText } from "./keep.ts";
import type { Ground, Known } from "./move.ts";
import { resultLane, textOf } from "./news.ts";
import { knownBySubmission, submissionFetching } from "./sql/finish.ts";
import { type Claimed, fetchAgain, stopFetching } from "./sql/work.ts";

/** How long a result, or a file from a URL, is tried for. */
export const FETCH_DEADLINE_MS = 3_600_000;
const FIRST_RETRY_MS = 5000;
const LONGEST_RETRY_MS = 300_000;

/** Waits as long as it has been tried, so the waits double: from 5 s up to 5 min, and the last try is at the deadline. */
export function fetchAgainMs(triedMs: number, retryAfterMs: number | null): number {
	const delay = Math.max(Math.min(LONGEST_RETRY_MS, Math.max(FIRST_RETRY_MS, triedMs)), retryAfterMs ?? 0);
	return Math.min(delay, FETCH_DEADLINE_MS - triedMs);
}

/**
 * A provider's success whose result is fetched first does not end the job: what told it is recorded, and the fetch becomes due,
 * in one batch. The job reads `processing` until then. False: the job is no longer as `known` says.
 */
export async function startFetch(
	deps: Deps,
	known: Known,
	providerJobId: string,
	ground: Extract<Ground, { kind: "receipt" | "orphan" }>,
): Promise<boolean> {
	if (known.state !== "processing") return finish(deps, known, { state: "processing", fetch: true, providerJobId }, ground);
	const now = deps.clock.now();
	const hold = holdOf(known, nonce());
	const { guarded, after } = openHold(ground, known, hold);
	const { job, event, submission } = hold;
	const fetching = { job, event, submission, providerJob: providerJobId, lane: resultLane(known), now };
	const [held] = await deps.db.batch<Bound<unknown>[]>([guarded, ...after, submissionFetching.bind(fetching)]);
	if (held?.length === 0) return false;
	deps.wake({ kind: "submission", id: submission, at: now });
	return true;
}

/** Fetches the result of one claimed submission; with it the job completes. */
export async function fetchResult(deps: Deps, claimed: Claimed): Promise<void> {
	const startedAt = deps.clock.now();
	const { providerJobId } = claimed;
	if (isTerminal(claimed.jobState) || providerJobId === null) return stop(deps, claimed);
	const outcome = await holding(deps, claimed, () => fetchOnce(deps, claimed, providerJobId));
	const fields = { job: claimed.jobId, submission: claimed.id, outcome: outcome.kind, ms: deps.clock.now() - startedAt };
	deps.log.info({ ...fields, ...(outcome.kind === "failed" ? { reason: outcome.reason } : {}) }, "result.fetched");
	return outcome.kind === "fetched" ? complete(deps, claimed, outcome) : later(deps, claimed, outcome);
}

async function fetchOnce(deps: Deps, claimed: Claimed, providerJobId: string): Promise<Fetched> {
	const account = await accountById(deps, claimed.accountId);
	const provider = PROVIDERS[claimed.provider];
	if (account === null || provider === undefined) return { kind: "failed", reason: "not_configured", retryAfterMs: null };
	const ask = provider.fetchResult.bind(null, deps.http, account, providerJobId);
	return textOf(claimed) === null ? fetchFile(deps, claimed, ask) : fetchText(deps, claimed, ask);
}

async function complete(deps: Deps, claimed: Claimed, { kept, resultUrl }: Extract<Fetched, { kind: "fetched" }>): Promise<void> {
	const move = { state: "completed" as const, resultUrl, kept, processingMs: null, providerJobId: claimed.providerJobId };
	for (;;) {
		const [known] = await deps.db.read(knownBySubmission.bind({ submission: claimed.id, told: "" }));
		const over = known === undefined || isTerminal(known.state) || known.phase !== "result" || known.currentSubmissionId !== claimed.id;
		if (over || (await finish(deps, known, move, { kind: "fetched" }))) return;
	}
}

/** At the last try the provider's own link has to do, where there is one. */
async function later(deps: Deps, claimed: Claimed, failed: Extract<Fetched, { kind: "failed" }>): Promise<void> {
	const { reason, retryAfterMs, resultUrl = null, hopeless } = failed;
	const now = deps.clock.now();
	const since = claimed.fetchingSince ?? now;
	if (!hopeless && now - since < FETCH_DEADLINE_MS) {
		const at = now + fetchAgainMs(now - since, retryAfterMs);
		await deps.db.batch([fetchAgain.bind({ submission: claimed.id, claim: claimed.claimId, at, since, reason })]);
		return;
	}
	if (resultUrl !== null) return complete(deps, claimed, { kind: "fetched", kept: null, resultUrl });
	const message = `the provider ended this job, but its result could not be fetched${hopeless ? "" : " within an hour"}; the last answer: ${reason}`;
	return endSubmission(deps, claimed, { state: "accepted", code: "result_unavailable", message });
}

async function stop(deps: Deps, claimed: Claimed): Promise<void> {
	await deps.db.batch([stopFetching.bind({ submission: claimed.id, claim: claimed.claimId, now: deps.clock.now() })]);
}
