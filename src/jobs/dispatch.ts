import { accountById } from "../access/accounts.ts";
import { hookToken } from "../core/hook-token.ts";
import { newId } from "../core/ids.ts";
import { ConstraintError } from "../db/db.ts";
import type { Deps } from "../deps.ts";
import { laneWorks, pauseAccount, pauseLane, pauseMs } from "../lanes/pause.ts";
import { canBeHooked, PROVIDERS } from "../providers/index.ts";
import { pollLane, type SendOutcome } from "../providers/provider.ts";
import { endSubmission } from "./end.ts";
import { firstPollMs } from "./ladder.ts";
import { joinOrphansOf } from "./orphans.ts";
import * as sql from "./sql/work.ts";
import { pendingSubmission } from "./submit.ts";

const FIRST_RETRY_MS = 5000;
const LONGEST_RETRY_MS = 600_000;

/** 5 s, doubling to 10 min, each × U(1.0, 1.2), and never before the provider's own `Retry-After`. */
export function sendAgainMs(sends: number, retryAfter: number | null, random01: number): number {
	const backoff = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(sends - 1, 20)) * (1 + 0.2 * random01);
	return Math.round(Math.max(backoff, retryAfter ?? 0));
}

/** Sends one claimed submission and settles how it went. The claim has already written `sending`. */
export async function dispatch(deps: Deps, claimed: sql.Claimed): Promise<void> {
	const startedAt = deps.clock.now();
	const outcome = await send(deps, claimed);
	await settle(deps, claimed, outcome);
	const { id, jobId, n, accountId } = claimed;
	const fields = { job: jobId, submission: id, n, account: accountId, outcome: outcome.kind, ms: deps.clock.now() - startedAt };
	const trouble = outcome.kind === "account_trouble" || outcome.kind === "unknown";
	deps.log[trouble ? "warn" : "info"]({ ...fields, ...("reason" in outcome ? { reason: outcome.reason } : {}) }, "submission.finished");
}

async function send(deps: Deps, claimed: sql.Claimed): Promise<SendOutcome> {
	const account = await accountById(deps, claimed.accountId);
	const provider = PROVIDERS[claimed.provider];
	if (account === null || provider === undefined) return { kind: "account_trouble", reason: "not_configured" };
	const hookUrl = canBeHooked(account, deps.publicUrl)
		? `${deps.publicUrl}/hooks/${claimed.provider}/${hookToken(deps.secrets, claimed.id)}`
		: null;
	const { type, model } = claimed;
	const input = JSON.parse(claimed.input) as Record<string, unknown>;
	return provider.send(deps.http, account, { type, model, input, hookUrl }, deps.clock.now());
}

async function settle(deps: Deps, claimed: sql.Claimed, outcome: SendOutcome): Promise<void> {
	switch (outcome.kind) {
		case "accepted":
			return settleAccepted(deps, claimed, outcome.providerJobId);
		case "refused":
			return endSubmission(deps, claimed, { state: "refused", code: "provider_refused", message: outcome.message });
		case "not_taken":
			return settleNotTaken(deps, claimed, outcome.reason, outcome.retryAfterMs);
		case "account_trouble":
			return settleNotTaken(deps, claimed, outcome.reason, null, pauseMs(claimed.strikes));
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
	deps.wake();
	await joinOrphansOf(deps, { provider: claimed.provider, account: claimed.accountId, providerJob: providerJobId });
}

async function settleNotTaken(
	deps: Deps,
	claimed: sql.Claimed,
	reason: string,
	retryAfter: number | null,
	accountPause = 0,
): Promise<void> {
	const now = deps.clock.now();
	const dueAt = now + Math.max(sendAgainMs(claimed.n, retryAfter, deps.random()), accountPause);
	if (dueAt > claimed.acceptedSince + deps.config.dispatchDeadlineMs)
		return endSubmission(deps, claimed, {
			state: "not_taken",
			code: "not_dispatched",
			message: `no send was taken in time; the last one: ${reason}`,
		});
	const { id: replaced, appId, jobId, provider, accountId, laneId, n } = claimed;
	const next = pendingSubmission({ id: newId("sub", now), appId, jobId, provider, accountId, laneId, n: n + 1, at: now, dueAt });
	await deps.db.batch([
		sql.notTaken.bind({ submission: replaced, claim: claimed.claimId, reason, now }),
		sql.nextSubmission.bind({ ...next, replaced }),
		sql.nextIsCurrent.bind({ job: jobId, submission: next.id, replaced }),
		...(accountPause > 0 ? [pauseAccount.bind({ account: accountId, kind: "dispatch", now, until: now + accountPause, reason })] : []),
		...(retryAfter !== null ? [pauseLane.bind({ lane: laneId, until: now + retryAfter, reason })] : []),
	]);
	deps.wake();
}

async function settleUnknown(deps: Deps, claimed: sql.Claimed, reason: string): Promise<void> {
	const deadline = (claimed.sentAt ?? deps.clock.now()) + deps.config.deapiJobDeadlineMs;
	await deps.db.batch([
		sql.unknown.bind({ submission: claimed.id, claim: claimed.claimId, reason, lane: pollLane(claimed.accountId), deadline }),
	]);
}
