import { accountById } from "../access/accounts.ts";
import { nonce } from "../core/ids.ts";
import type { Bound } from "../db/db.ts";
import type { Deps } from "../deps.ts";
import { chargeLane } from "../lanes/pace.ts";
import { pauseMs, strikeLane } from "../lanes/pause.ts";
import { PROVIDERS, typeOf } from "../providers/index.ts";
import { pollLane } from "../providers/provider.ts";
import { keepInside } from "./allowance.ts";
import { endSubmission } from "./end.ts";
import { stopFetch, triedAgain } from "./fetch-again.ts";
import { finish } from "./finish.ts";
import { holdOf, openHold } from "./ground.ts";
import { holding } from "./hold.ts";
import { isTerminal } from "./job.ts";
import { type Fetched, fetchFile, fetchText } from "./keep-result.ts";
import type { Ground, Known } from "./move.ts";
import { linkOf, resultLane, textTypeOf } from "./news.ts";
import { knownBySubmission, submissionFetching } from "./sql/finish.ts";
import type { Claimed } from "./sql/work.ts";

/**
 * A provider's success whose result is fetched first does not end the job: what told it is recorded, and the fetch becomes due,
 * in one batch. The job reads `processing` until then. False: the job is no longer as `known` says.
 */
export async function startFetch(
	deps: Deps,
	known: Known,
	{ providerJobId, resultUrl }: { providerJobId: string; resultUrl: string | null },
	ground: Extract<Ground, { kind: "receipt" | "orphan" }>,
): Promise<boolean> {
	if (known.state !== "processing") return finish(deps, known, { state: "processing", fetch: { resultUrl }, providerJobId }, ground);
	const now = deps.clock.now();
	const hold = holdOf(known, nonce());
	const { guarded, after } = openHold(ground, known, hold);
	const { job, event, submission } = hold;
	const fetching = { job, event, submission, providerJob: providerJobId, lane: resultLane(known), resultUrl, now };
	const [held] = await deps.db.batch<Bound<unknown>[]>([guarded, ...after, submissionFetching.bind(fetching)]);
	if (held?.length === 0) return false;
	deps.wake({ kind: "submission", id: submission, at: now });
	return true;
}

/** Fetches the result of one claimed submission; with it the job completes. */
export async function fetchResult(deps: Deps, claimed: Claimed): Promise<void> {
	const startedAt = deps.clock.now();
	const { providerJobId } = claimed;
	if (isTerminal(claimed.jobState) || providerJobId === null) return stopFetch(deps, claimed);
	const outcome = await holding(deps, claimed, () => fetchOnce(deps, claimed, providerJobId));
	await heed(deps, claimed, outcome);
	const fields = { job: claimed.jobId, submission: claimed.id, outcome: outcome.kind, ms: deps.clock.now() - startedAt };
	deps.log.info({ ...fields, ...(outcome.kind === "failed" ? { reason: outcome.reason } : {}) }, "result.fetched");
	return outcome.kind === "fetched" ? complete(deps, claimed, outcome) : later(deps, claimed, outcome);
}

async function fetchOnce(deps: Deps, claimed: Claimed, providerJobId: string): Promise<Fetched> {
	const account = await accountById(deps, claimed.accountId);
	const provider = PROVIDERS[claimed.provider];
	if (account === null || provider === undefined) return { kind: "failed", reason: "not_configured", retryAfterMs: null };
	const ask = provider.fetchResult.bind(null, deps.http, account, { providerJobId, link: claimed.resultUrl });
	try {
		return await (textTypeOf(claimed) === null ? fetchFile(deps, claimed, ask) : fetchText(deps, claimed, ask));
	} catch (e) {
		deps.log.error({ submission: claimed.id, err: e }, "result.broke"); // a fault of ours: its hour runs all the same
		return { kind: "failed", reason: "internal", retryAfterMs: null };
	}
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
	if (await triedAgain(deps, claimed, failed)) return;
	const told = typeOf(claimed)?.result.kind === "link" ? claimed.resultUrl : null; // behind a text's there was none for an hour
	const resultUrl = linkOf(deps.config, claimed.provider, failed.resultUrl ?? told);
	if (resultUrl !== null) return complete(deps, claimed, { kind: "fetched", kept: null, resultUrl });
	const when = failed.hopeless ? "" : " within an hour";
	const message = `the provider ended this job, but its result could not be fetched${when}; the last answer: ${failed.reason}`;
	return endSubmission(deps, claimed, { state: "accepted", code: "result_unavailable", message });
}

/** A question that came with it counts among the account's polls, and what it said of them is heeded. */
async function heed(deps: Deps, claimed: Claimed, { allowance, ...outcome }: Fetched): Promise<void> {
	if (allowance === undefined) return;
	const lane = pollLane(claimed.accountId);
	const now = deps.clock.now();
	const writes = keepInside(deps, { ...claimed, laneId: lane }, allowance);
	if (claimed.laneId !== lane) writes.push(chargeLane.bind({ lane, now }));
	if (outcome.kind === "failed" && outcome.reason === "http_429")
		writes.push(strikeLane.bind({ lane, now, until: now + (outcome.retryAfterMs ?? pauseMs(claimed.strikes)), reason: outcome.reason }));
	if (writes.length > 0) await deps.db.batch<Bound<unknown>[]>(writes);
}
