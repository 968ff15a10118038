import { accountById } from "../access/accounts.ts";
import { hookToken } from "../core/hook-token.ts";
import { type Bound, ConstraintError } from "../db/db.ts";
import type { Deps } from "../deps.ts";
import { isUnavailable } from "../errors.ts";
import { laneWorks, pauseAccount, pauseMs, strikeLane } from "../lanes/pause.ts";
import { accountPausedNotice } from "../outbound/notices/facts.ts";
import { type Notice, tellNotices, workOf } from "../outbound/notices/notice.ts";
import { canBeHooked, PROVIDERS } from "../providers/index.ts";
import { pollLane, type Send, type SendOutcome } from "../providers/provider.ts";
import { inputOf } from "./blobs.ts";
import { endSubmission } from "./end.ts";
import { FileGone, filesToSend } from "./files-to-send.ts";
import { holding } from "./hold.ts";
import { insist } from "./insist.ts";
import { isTerminal } from "./job.ts";
import { firstPollMs } from "./ladder.ts";
import { fileFieldsOf } from "./named-files.ts";
import { joinOrphansOf } from "./orphans.ts";
import * as sql from "./sql/work.ts";
import { pendingSubmission } from "./submission.ts";
import { unknownUntil } from "./unknown.ts";

const FIRST_RETRY_MS = 5000;
const LONGEST_RETRY_MS = 600_000;

/** 5 s, doubling to 10 min, each × U(1.0, 1.2), and never before the provider's own `Retry-After`. */
export function sendAgainMs(sends: number, retryAfterMs: number | null, random01: number): number {
	const backoff = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(sends - 1, 20)) * (1 + 0.2 * random01);
	return Math.round(Math.max(backoff, retryAfterMs ?? 0));
}

/** Sends one claimed submission and settles how it went. The claim has already written `sending`. */
export async function dispatch(deps: Deps, claimed: sql.Claimed): Promise<void> {
	if (isTerminal(claimed.jobState)) return notSent(deps, claimed);
	const startedAt = deps.clock.now();
	if (startedAt > claimed.acceptedSince + deps.config.dispatchDeadlineMs) return notDispatched(deps, claimed, "it never had its turn");
	const input = await inputFor(deps, claimed);
	if (input === null) return insist(() => notDispatched(deps, claimed, "its input, or a file of it, is gone from the store"));
	const ready = input === "unavailable" ? NO_INPUT : await prepare(deps, claimed, input);
	const outcome = "kind" in ready ? ready : await (ready.long ? holding(deps, claimed, ready.send) : ready.send());
	// told before it is written: whatever happens to the database now, the provider's id can be found
	tell(deps, claimed, outcome, startedAt);
	await insist(() => settle(deps, claimed, outcome));
}

/** Our own trouble with one job, which says nothing of its lane or its account. */
const NO_INPUT = { kind: "not_ready" as const, reason: "input_unavailable" };
type Outcome = SendOutcome | typeof NO_INPUT;

type Input = Pick<Send, "input" | "files">;

/** Null: it is gone. What cannot be read, or not in time for the lease, was certainly not sent. */
async function inputFor(deps: Deps, claimed: sql.Claimed): Promise<Input | "unavailable" | null> {
	const startedAt = deps.clock.now();
	try {
		const input = await inputOf(deps, claimed);
		const files = fileFieldsOf(claimed).length === 0 ? [] : await filesToSend(deps, claimed.jobId);
		if (input === null) return null;
		return deps.clock.now() - startedAt > deps.config.providerDeadlineMs ? "unavailable" : { input, files };
	} catch (e) {
		if (e instanceof FileGone) return null;
		if (!isUnavailable(e)) deps.log.error({ submission: claimed.id, err: e }, "submission.not_ready");
		return "unavailable";
	}
}

/** The job ended, by request, before its turn came. */
async function notSent(deps: Deps, { id }: sql.Claimed): Promise<void> {
	await deps.db.batch([sql.notTaken.bind({ submission: id, reason: "job_ended", now: deps.clock.now() })]);
}

function tell(deps: Deps, { id, jobId, n, accountId }: sql.Claimed, outcome: Outcome, startedAt: number): void {
	const level = ["account_trouble", "unknown", "not_ready"].includes(outcome.kind) ? "warn" : "info";
	const fields = { job: jobId, submission: id, n, account: accountId, ms: deps.clock.now() - startedAt };
	const { kind, ...rest } = outcome;
	deps.log[level]({ ...fields, outcome: kind, ...rest }, "submission.finished");
}

/** `long`: it carries files, and may take longer than a lease. */
interface Ready {
	send: () => Promise<SendOutcome>;
	long: boolean;
}

/** All that can fail before a byte leaves: what fails here was certainly not sent. */
async function prepare(deps: Deps, claimed: sql.Claimed, input: Input): Promise<SendOutcome | Ready> {
	try {
		const account = await accountById(deps, claimed.accountId);
		const provider = PROVIDERS[claimed.provider];
		if (account === null || provider === undefined) return { kind: "account_trouble", reason: "not_configured" };
		const hookUrl = canBeHooked(account, deps.publicUrl)
			? `${deps.publicUrl}/hooks/${claimed.provider}/${hookToken(deps.secrets, claimed.id)}`
			: null;
		const { type, model } = claimed;
		const send = () => provider.send(deps.http, account, { type, model, ...input, hookUrl }, deps.clock.now());
		return { send, long: input.files.length > 0 };
	} catch (e) {
		deps.log.error({ submission: claimed.id, account: claimed.accountId, err: e }, "submission.not_ready");
		return { kind: "account_trouble", reason: "not_ready" };
	}
}

async function settle(deps: Deps, claimed: sql.Claimed, outcome: Outcome): Promise<void> {
	switch (outcome.kind) {
		case "accepted":
			return settleAccepted(deps, claimed, outcome.providerJobId);
		case "refused":
			return endSubmission(deps, claimed, { state: "refused", code: "provider_refused", message: outcome.message });
		case "not_taken":
			return settleNotTaken(deps, claimed, outcome);
		case "account_trouble":
		case "not_ready":
			return settleNotTaken(deps, claimed, { ...outcome, retryAfterMs: null });
		case "unknown":
			return settleUnknown(deps, claimed, outcome.reason);
	}
}

async function settleAccepted(deps: Deps, claimed: sql.Claimed, providerJobId: string): Promise<void> {
	const now = deps.clock.now();
	const pollAt = now + (await firstPollMs(deps, claimed));
	try {
		await deps.db.batch([
			sql.accepted.bind({ submission: claimed.id, providerJob: providerJobId, lane: pollLane(claimed.accountId), pollAt, now }),
			sql.jobSubmitted.bind({ job: claimed.jobId, submission: claimed.id }),
			laneWorks.bind({ lane: claimed.laneId }),
		]);
	} catch (e) {
		if (!(e instanceof ConstraintError)) throw e;
		return settleUnknown(deps, claimed, "id_of_another_job"); // the provider gave one id twice
	}
	deps.wake({ kind: "submission", id: claimed.id, at: pollAt });
	await joinOrphansOf(deps, { provider: claimed.provider, account: claimed.accountId, providerJob: providerJobId });
}

/** This send is over and a new one takes its place; its lane, or the whole account, rests a while, where it is to blame. */
async function settleNotTaken(
	deps: Deps,
	claimed: sql.Claimed,
	why: { kind: "not_taken" | "account_trouble" | "not_ready"; reason: string; retryAfterMs: number | null },
): Promise<void> {
	const { reason } = why;
	const now = deps.clock.now();
	const { rest, write, notices } = restAfter(deps, claimed, why, now);
	const dueAt = now + Math.max(sendAgainMs(claimed.n, why.retryAfterMs, deps.random()), rest);
	if (dueAt > claimed.acceptedSince + deps.config.dispatchDeadlineMs) return notDispatched(deps, claimed, `the last answer: ${reason}`);
	const { id: replaced, appId, jobId, provider, accountId, type, n } = claimed;
	const next = pendingSubmission({ appId, jobId, provider, accountId, type, n: n + 1, at: now, dueAt });
	const results = await deps.db.batch<Bound<unknown>[]>([
		sql.notTaken.bind({ submission: replaced, reason, now }),
		sql.nextSubmission.bind({ ...next, replaced }),
		sql.nextIsCurrent.bind({ job: jobId, submission: next.id, replaced }),
		...write,
		...workOf(notices),
	]);
	tellNotices(deps, notices, results);
	deps.wake({ kind: "submission", id: next.id, at: dueAt });
}

/** For how long the lane or the account rests, the write that says so, and whom it is news for. */
function restAfter({ config }: Deps, claimed: sql.Claimed, why: Parameters<typeof settleNotTaken>[2], now: number): Rest {
	const { accountId: account, provider, laneId: lane, strikes } = claimed;
	const { kind, reason, retryAfterMs } = why;
	if (kind === "not_ready" || reason === "body_broken") return { rest: 0, write: [], notices: [] }; // nobody is to blame but us
	const rest = kind === "account_trouble" ? pauseMs(strikes) : sendAgainMs(strikes + 1, retryAfterMs, 0);
	const pause = { now, until: now + rest, reason };
	if (kind === "not_taken") return { rest, write: [strikeLane.bind({ lane, ...pause })], notices: [] };
	const notice = accountPausedNotice({ account, provider, lane, deadlineMs: config.dispatchDeadlineMs, ...pause });
	return { rest, write: [pauseAccount.bind({ account, kind: "dispatch", ...pause })], notices: [notice] };
}
interface Rest {
	rest: number;
	write: Bound<unknown>[];
	notices: Notice[];
}

const notDispatched = (deps: Deps, claimed: sql.Claimed, why: string) =>
	endSubmission(deps, claimed, { state: "not_taken", code: "not_dispatched", message: `no send of this job was taken in time; ${why}` });

async function settleUnknown(deps: Deps, claimed: sql.Claimed, reason: string): Promise<void> {
	const deadline = unknownUntil(deps, claimed);
	await deps.db.batch([
		sql.unknown.bind({ submission: claimed.id, claim: claimed.claimId, reason, lane: pollLane(claimed.accountId), deadline }),
	]);
	if (deps.config.onUnknown === "resubmit") deps.wake({ kind: "submission", id: claimed.id, at: deadline });
}
