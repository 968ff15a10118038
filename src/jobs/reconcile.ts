import { accountById } from "../access/accounts.ts";
import { newId } from "../core/ids.ts";
import type { Bound } from "../db/db.ts";
import type { Deps } from "../deps.ts";
import { clockNow, heardOn } from "../lanes/clock.ts";
import { laneWorks, pauseAccount, pauseLane, pauseMs, strikeLane } from "../lanes/pause.ts";
import { PROVIDERS, settingsOf } from "../providers/index.ts";
import type { News, PollOutcome } from "../providers/provider.ts";
import { keepInside } from "./allowance.ts";
import { endSubmission } from "./end.ts";
import { isTerminal } from "./job.ts";
import { ladderOf, longestSilenceMs, pollDelayMs } from "./ladder.ts";
import { meaning } from "./news.ts";
import { record } from "./record.ts";
import * as sql from "./sql/work.ts";
import { decideUnknown } from "./unknown.ts";

/** A job the provider no longer knows is lost once it said so this often over this long. */
const LOST_AFTER_POLLS = 3;
const LOST_AFTER_MS = 600_000;
/** However seldom the account may ask: one that still runs so long after its deadline will not end. */
const LONGEST_PATIENCE_MS = 14 * 86_400_000;
/** Characters. */
const KEPT_OF_AN_ANSWER = 65_536;

/** Asks the provider about one claimed submission whose news is late, and settles the answer. */
export async function poll(deps: Deps, claimed: sql.Claimed): Promise<void> {
	if (isTerminal(claimed.jobState)) return stop(deps, claimed);
	if (claimed.providerJobId === null) return decideUnknown(deps, claimed);
	const startedAt = deps.clock.now();
	const outcome = await ask(deps, claimed, claimed.providerJobId);
	await settle(deps, claimed, outcome, claimed.providerJobId);
	await lookAfterLane(deps, claimed, outcome);
	const fields = {
		job: claimed.jobId,
		submission: claimed.id,
		polls: claimed.polls + 1,
		outcome: outcome.kind,
		ms: deps.clock.now() - startedAt,
	};
	deps.log.info({ ...fields, ...("reason" in outcome ? { reason: outcome.reason } : {}) }, "poll.finished");
}

/** What the answer says of its lane: that it works, and how fast it may be asked. */
async function lookAfterLane(deps: Deps, claimed: sql.Claimed, outcome: PollOutcome): Promise<void> {
	const works = outcome.kind === "answered" || outcome.kind === "missing";
	const writes: Bound<unknown>[] = outcome.allowance === undefined ? [] : keepInside(deps, claimed, outcome.allowance);
	if (works && claimed.strikes > 0) writes.push(laneWorks.bind({ lane: claimed.laneId }));
	if (works) writes.push(...heardOn(claimed.laneId, claimed, deps.clock.now(), longestSilenceMs(claimed.provider)));
	if (writes.length > 0) await deps.db.batch<Bound<unknown>[]>(writes);
}

async function ask(deps: Deps, claimed: sql.Claimed, providerJobId: string): Promise<PollOutcome> {
	const account = await accountById(deps, claimed.accountId);
	const provider = PROVIDERS[claimed.provider];
	if (account === null || provider === undefined) return { kind: "account_trouble", reason: "not_configured" };
	return provider.poll(deps.http, account, providerJobId, deps.clock.now());
}

async function settle(deps: Deps, claimed: sql.Claimed, outcome: PollOutcome, providerJobId: string): Promise<void> {
	switch (outcome.kind) {
		case "answered": {
			const news = meaning(deps.config, claimed, outcome.news);
			if (news !== null && news.state !== claimed.jobState) await told(deps, claimed, news, outcome.body, providerJobId);
			return news === null || news.state === "processing" ? stillRunning(deps, claimed) : stop(deps, claimed);
		}
		case "missing":
			return notFound(deps, claimed);
		case "failed":
			return later(deps, claimed, outcome.reason, outcome.retryAfterMs);
		case "account_trouble":
			return later(deps, claimed, outcome.reason, pauseMs(claimed.strikes), true);
	}
}

/** An answer that says something new is stored like a hook, under a delivery id of its own, and moves the job the same way. */
async function told(deps: Deps, claimed: sql.Claimed, news: News, body: string, providerJobId: string): Promise<void> {
	const receivedAt = deps.clock.now();
	const { provider, accountId } = claimed;
	const deliveryId = `poll:${claimed.id}:${news.state}`;
	const receipt = {
		id: newId("rcp", receivedAt),
		provider,
		accountId,
		deliveryId,
		source: "poll" as const,
		providerJobId,
		type: news.state,
		body: body.slice(0, KEPT_OF_AN_ANSWER), // it may carry the whole result
		receivedAt,
	};
	await record(deps, { receipt, submissionId: claimed.id, news });
}

/** Does nothing where the news has ended the submission already. */
async function stop(deps: Deps, claimed: sql.Claimed): Promise<void> {
	await deps.db.batch([sql.stopPolling.bind({ submission: claimed.id, claim: claimed.claimId, now: deps.clock.now() })]);
}

async function stillRunning(deps: Deps, claimed: sql.Claimed): Promise<void> {
	const deadlineMs = settingsOf(deps.config, claimed.provider).jobDeadlineMs;
	const asked = clockOf(deps, claimed) - (claimed.clockFrom ?? firstClockOf(deps, claimed));
	const waited = deps.clock.now() - (claimed.sentAt ?? claimed.acceptedSince);
	if (asked >= deadlineMs || waited >= deadlineMs + LONGEST_PATIENCE_MS)
		return endSubmission(deps, claimed, {
			state: "accepted",
			code: "provider_timeout",
			message: `the provider had not ended this job after ${inWords(deadlineMs)}`,
		});
	await again(deps, claimed, { reason: null, missing: 0, missingSince: null, silentSince: null, clockFrom: firstClockOf(deps, claimed) });
}

function inWords(ms: number): string {
	const [unit, size] = ms >= 7_200_000 ? ["h", 3_600_000] : ms >= 120_000 ? ["min", 60_000] : ["s", 1000];
	return `${Math.round(ms / Number(size))} ${unit}`;
}

const clockOf = (deps: Deps, claimed: sql.Claimed): number => clockNow(claimed, deps.clock.now(), longestSilenceMs(claimed.provider));

/** The clock at the time it was sent, as far back as one silence. */
function firstClockOf(deps: Deps, claimed: sql.Claimed): number {
	const since = deps.clock.now() - (claimed.sentAt ?? claimed.acceptedSince);
	return Math.max(0, clockOf(deps, claimed) - Math.min(since, longestSilenceMs(claimed.provider)));
}

async function notFound(deps: Deps, claimed: sql.Claimed): Promise<void> {
	const now = deps.clock.now();
	const missing = claimed.missing + 1;
	const missingSince = claimed.missingSince ?? now;
	if (missing >= LOST_AFTER_POLLS && now - missingSince >= LOST_AFTER_MS)
		return endSubmission(deps, claimed, { state: "accepted", code: "provider_lost", message: "the provider no longer knows this job" });
	await again(deps, claimed, { reason: "http_404", missing, missingSince, silentSince: null, clockFrom: firstClockOf(deps, claimed) });
}

async function later(deps: Deps, claimed: sql.Claimed, reason: string, pause: number | null, account = false): Promise<void> {
	const now = deps.clock.now();
	const { missing, missingSince, accountId, laneId } = claimed;
	const { jobDeadlineMs } = settingsOf(deps.config, claimed.provider);
	const silentSince = claimed.silentSince ?? now;
	const overdue = now >= (claimed.sentAt ?? claimed.acceptedSince) + jobDeadlineMs;
	if (overdue && now - silentSince >= deps.config.dispatchDeadlineMs) {
		const message = `the provider could not be asked about this job until long after its deadline; the last answer: ${reason}`;
		return endSubmission(deps, claimed, { state: "accepted", code: "provider_unreachable", message });
	}
	await again(deps, claimed, { reason, missing, missingSince, silentSince, clockFrom: null }, pause ?? 0);
	if (account) await deps.db.batch([pauseAccount.bind({ account: accountId, kind: "poll", now, until: now + (pause ?? 0), reason })]);
	else if (pause !== null && /_(429|503)$/.test(reason))
		await deps.db.batch([pauseLane.bind({ lane: laneId, until: now + pause, reason })]);
	else if (reason === "http_429")
		await deps.db.batch([strikeLane.bind({ lane: laneId, now, until: now + pauseMs(claimed.strikes), reason })]);
}

async function again(
	deps: Deps,
	claimed: sql.Claimed,
	seen: { reason: string | null; missing: number; missingSince: number | null; silentSince: number | null; clockFrom: number | null },
	atLeastMs = 0,
): Promise<void> {
	const delay = Math.max(pollDelayMs(await ladderOf(deps, claimed), claimed.polls + 1, deps.random()), atLeastMs);
	await deps.db.batch([sql.pollAgain.bind({ submission: claimed.id, claim: claimed.claimId, at: deps.clock.now() + delay, ...seen })]);
}
