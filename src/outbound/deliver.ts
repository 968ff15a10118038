import type { HttpAnswer } from "../core/http.ts";
import { newId } from "../core/ids.ts";
import { retryAfterMs } from "../core/retry-after.ts";
import type { Bound } from "../db/db.ts";
import type { Deps } from "../deps.ts";
import { pauseLane, pauseMs } from "../lanes/pause.ts";
import { type Verdict, verdictOf } from "./outcome.ts";
import { nextAttemptAt } from "./schedule.ts";
import { signedHeaders } from "./sign.ts";
import * as sql from "./sql.ts";

/** One attempt of a claimed delivery: sign, send, settle attempt row and next state in one batch. */
export async function deliver(deps: Deps, claimed: sql.Claimed): Promise<void> {
	const startedAt = deps.clock.now();
	const secret = openSecret(deps, claimed);
	if (secret === null) return settleOurs(deps, claimed, startedAt);
	const { id, eventId, eventType, body, n } = claimed;
	const answer = await deps.http({
		method: "POST",
		url: claimed.url,
		headers: signedHeaders({ eventId, eventType, deliveryId: id, attempt: n, body }, secret, startedAt),
		body,
		deadlineMs: deps.config.attemptDeadlineMs,
		keepBytes: deps.config.responseKeepBytes,
		reach: "public",
	});
	await settle(deps, claimed, answer, startedAt);
}

/** Whose secret signs: the endpoint's; for the job's own URL the one it brought, else the app's. Null: it does not open. */
function openSecret(deps: Deps, { target, appId, jobId, ...secrets }: sql.Claimed): string | null {
	const { endpointSecret, jobSecret, appSecret } = secrets;
	try {
		if (endpointSecret !== null)
			return deps.secrets.open(endpointSecret, { table: "endpoints", column: "secret", row: target, app: appId });
		if (jobSecret !== null) return deps.secrets.open(jobSecret, { table: "jobs", column: "webhook_secret", row: jobId, app: appId });
		return deps.secrets.open(appSecret, { table: "apps", column: "callback_secret", row: appId, app: appId });
	} catch (e) {
		deps.log.error({ delivery: secrets.id, err: e }, "secret.sealed");
		return null;
	}
}

async function settle(deps: Deps, claimed: sql.Claimed, answer: HttpAnswer, startedAt: number): Promise<void> {
	const verdict = verdictOf(answer);
	const now = deps.clock.now();
	const header = answer.kind === "response" ? answer.headers["retry-after"] : undefined;
	const retryAfter = retryAfterMs(header, now, deps.config.retryAfterCapMs);
	const { next, write } = afterwards(deps, claimed, verdict, retryAfter, now);
	const [settled] = await deps.db.batch([
		write,
		sql.settleAttempt.bind({
			id: newId("att", now),
			appId: claimed.appId,
			deliveryId: claimed.id,
			n: claimed.n,
			outcome: verdict.kind === "delivered" ? "delivered" : "failed",
			reason: verdict.reason,
			status: answer.kind === "response" ? answer.status : null,
			startedAt,
			durationMs: now - startedAt,
			response: answer.kind === "response" ? answer.body : null,
			nextAttemptAt: next,
		}),
		...besides(deps, claimed, verdict, retryAfter, now),
	]);
	const state = settled[0]?.state ?? "fenced";
	const fields = { job: claimed.jobId, delivery: claimed.id, event: claimed.eventId, target: claimed.target, n: claimed.n };
	const status = answer.kind === "response" ? answer.status : null;
	const plan = state === "pending" ? next : null;
	deps.log.info({ ...fields, state, reason: verdict.reason, status, ms: now - startedAt, next: plan }, "attempt.finished");
}

function afterwards(deps: Deps, claimed: sql.Claimed, verdict: Verdict, retryAfter: number | null, now: number) {
	const at = { delivery: claimed.id, claim: claimed.claimId, reason: verdict.reason, now };
	if (verdict.kind === "delivered") return { next: null, write: sql.delivered.bind({ ...at, spent: 0 }) };
	if (verdict.kind === "stop") return { next: null, write: sql.stopped.bind({ ...at, spent: 1 }) };
	const next = nextAttemptAt(deps.config, claimed.failures + 1, now, deps.random(), retryAfter, verdict.overload);
	if (next === null || next > claimed.createdAt + deps.config.deliveryMaxAgeMs)
		return { next: null, write: sql.exhausted.bind({ ...at, spent: 1 }) };
	return { next, write: sql.retryLater.bind({ ...at, spent: 1, at: next }) };
}

/** What the answer means for everything else that goes the same way. */
function besides(deps: Deps, claimed: sql.Claimed, verdict: Verdict, retryAfter: number | null, now: number): Bound<unknown>[] {
	if (verdict.kind === "retry" && verdict.pauseLane) {
		const pause = retryAfter ?? (verdict.overload ? deps.config.overloadDelayMs : 0);
		return pause > 0 ? [pauseLane.bind({ lane: claimed.laneId, until: now + pause, reason: verdict.reason })] : [];
	}
	if (verdict.kind === "stop" && verdict.disable && claimed.target !== "job") {
		deps.log.warn({ app: claimed.appId, endpoint: claimed.target, reason: verdict.reason }, "endpoint.disabled");
		return [
			sql.disableEndpoint.bind({ app: claimed.appId, endpoint: claimed.target, reason: verdict.reason, now }),
			sql.holdPending.bind({ endpoint: claimed.target }),
		];
	}
	return [];
}

/** Our own trouble (a secret that does not open) is never charged to the receiver: it spends no budget. */
async function settleOurs(deps: Deps, claimed: sql.Claimed, now: number): Promise<void> {
	const at = now + pauseMs(claimed.n - 1);
	await deps.db.batch([
		sql.retryLater.bind({ delivery: claimed.id, claim: claimed.claimId, reason: "secret_sealed", now, spent: 0, at }),
		sql.interruptAttempt.bind({
			id: newId("att", now),
			appId: claimed.appId,
			deliveryId: claimed.id,
			n: claimed.n,
			outcome: "interrupted",
			reason: "secret_sealed",
			status: null,
			startedAt: now,
			durationMs: 0,
			response: null,
			nextAttemptAt: at,
		}),
	]);
}
