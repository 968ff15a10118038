import { accountById } from "../access/accounts.ts";
import { nonce } from "../core/ids.ts";
import type { Bound } from "../db/db.ts";
import type { Deps } from "../deps.ts";
import { isUnavailable } from "../errors.ts";
import { PROVIDERS } from "../providers/index.ts";
import { type FetchOutcome, pollLane } from "../providers/provider.ts";
import { keepLong } from "./blobs.ts";
import { endSubmission } from "./end.ts";
import { finish } from "./finish.ts";
import { holdOf, openHold } from "./ground.ts";
import { isTerminal } from "./job.ts";
import type { Ground, Known } from "./move.ts";
import { knownBySubmission, submissionFetching } from "./sql/finish.ts";
import { type Claimed, fetchAgain, stopFetching } from "./sql/work.ts";

const DEADLINE_MS = 3_600_000;
const FIRST_RETRY_MS = 5000;
const LONGEST_RETRY_MS = 300_000;

/** Waits as long as it has been tried, so the waits double: from 5 s up to 5 min, and the last try is at the deadline. */
export function fetchAgainMs(triedMs: number, retryAfterMs: number | null): number {
	const delay = Math.max(Math.min(LONGEST_RETRY_MS, Math.max(FIRST_RETRY_MS, triedMs)), retryAfterMs ?? 0);
	return Math.min(delay, DEADLINE_MS - triedMs);
}

/**
 * A provider's success whose result is text does not end the job: what told it is recorded, and the fetch becomes due, in one
 * batch. The job reads `processing` until then. False: the job is no longer as `known` says.
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
	const fetching = { job, event, submission, providerJob: providerJobId, lane: pollLane(known.accountId), now };
	const [held] = await deps.db.batch<Bound<unknown>[]>([guarded, ...after, submissionFetching.bind(fetching)]);
	if (held?.length === 0) return false;
	deps.wake({ kind: "submission", id: submission, at: now });
	return true;
}

/** Fetches the result of one claimed submission; with it the job completes. */
export async function fetchResult(deps: Deps, claimed: Claimed): Promise<void> {
	const startedAt = deps.clock.now();
	if (isTerminal(claimed.jobState) || claimed.providerJobId === null) return stop(deps, claimed);
	const outcome = await keep(deps, claimed, await ask(deps, claimed, claimed.providerJobId));
	const reason = outcome.kind === "failed" ? outcome.reason : null;
	deps.log.info(
		{ job: claimed.jobId, submission: claimed.id, outcome: outcome.kind, reason, ms: deps.clock.now() - startedAt },
		"result.fetched",
	);
	return outcome.kind === "fetched" ? complete(deps, claimed, outcome) : later(deps, claimed, outcome);
}

async function ask(deps: Deps, claimed: Claimed, providerJobId: string): Promise<FetchOutcome> {
	const account = await accountById(deps, claimed.accountId);
	const provider = PROVIDERS[claimed.provider];
	if (account === null || provider === undefined) return { kind: "failed", reason: "not_configured", retryAfterMs: null };
	return provider.fetchResult(deps.http, account, providerJobId, deps.clock.now());
}

type Failed = Extract<FetchOutcome, { kind: "failed" }>;
/** `blob`: where a long text is kept. */
type Kept = Exclude<FetchOutcome, Failed> & { blob: string | null };

/** A long text is on disk before the row that names it. While it cannot be kept it is fetched again; at the last try its link has to do. */
async function keep(deps: Deps, { jobId: id, appId, fetchingSince }: Claimed, outcome: FetchOutcome): Promise<Kept | Failed> {
	if (outcome.kind === "failed") return outcome;
	try {
		return { ...outcome, blob: outcome.text === null ? null : await keepLong(deps, "results", { id, appId }, outcome.text) };
	} catch (e) {
		if (!isUnavailable(e)) throw e;
		const now = deps.clock.now();
		const last = now - (fetchingSince ?? now) >= DEADLINE_MS;
		return last && outcome.resultUrl !== null
			? { ...outcome, text: null, blob: null }
			: { kind: "failed", reason: "not_kept", retryAfterMs: null };
	}
}

async function complete(deps: Deps, claimed: Claimed, { text, resultUrl, blob }: Kept): Promise<void> {
	const move = { state: "completed" as const, resultUrl, text, processingMs: null, providerJobId: claimed.providerJobId };
	for (;;) {
		const [known] = await deps.db.read(knownBySubmission.bind({ submission: claimed.id, told: "" }));
		const over = known === undefined || isTerminal(known.state) || known.phase !== "result" || known.currentSubmissionId !== claimed.id;
		if (over || (await finish(deps, known, move, { kind: "fetched" }, blob))) return;
	}
}

async function later(deps: Deps, claimed: Claimed, { reason, retryAfterMs }: Failed): Promise<void> {
	const now = deps.clock.now();
	const tried = now - (claimed.fetchingSince ?? now);
	if (tried >= DEADLINE_MS)
		return endSubmission(deps, claimed, {
			state: "accepted",
			code: "result_unavailable",
			message: `the provider ended this job, but its result could not be fetched within an hour; the last answer: ${reason}`,
		});
	const at = now + fetchAgainMs(tried, retryAfterMs);
	await deps.db.batch([fetchAgain.bind({ submission: claimed.id, claim: claimed.claimId, at, reason })]);
}

async function stop(deps: Deps, claimed: Claimed): Promise<void> {
	await deps.db.batch([stopFetching.bind({ submission: claimed.id, claim: claimed.claimId, now: deps.clock.now() })]);
}
