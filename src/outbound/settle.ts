import type { HttpAnswer } from "../core/http.ts";
import { newId } from "../core/ids.ts";
import { retryAfterMs } from "../core/retry-after.ts";
import type { Bound } from "../db/db.ts";
import type { Deps } from "../deps.ts";
import { breakerFailed, breakerSucceeded } from "../lanes/breaker.ts";
import { pauseReceiver } from "../lanes/pause.ts";
import { healthFailed, healthSucceeded } from "./endpoint/health.ts";
import { readRetry } from "./endpoint/rules.ts";
import { disabledByReceiver } from "./endpoint/switch.ts";
import { givenUp } from "./given-up.ts";
import { disabledNotice } from "./notices/facts.ts";
import { type Notice, tellNotices, workOf } from "./notices/notice.ts";
import { jobOf } from "./notices/types.ts";
import { againAt } from "./ours.ts";
import { type Verdict, verdictOf } from "./outcome.ts";
import { nextAttemptAt, scheduleOf } from "./schedule.ts";
import * as sql from "./sql.ts";

/** An attempt that came to an answer: what it means, what the receiver asked for, when we knew. */
interface Answered {
	claimed: sql.Claimed;
	verdict: Verdict;
	retryAfterMs: number | null;
	startedAt: number;
	nowMs: number;
}

/** Attempt row, next state of the delivery, and what follows for its endpoint and its lane, in one batch. */
export async function settle(deps: Deps, claimed: sql.Claimed, answer: HttpAnswer, startedAt: number): Promise<void> {
	const verdict = verdictOf(answer);
	const now = deps.clock.now();
	const { status, header, body } =
		answer.kind === "response"
			? { status: answer.status, header: answer.headers["retry-after"], body: answer.body }
			: { status: null, header: undefined, body: null };
	const answered = { claimed, verdict, retryAfterMs: retryAfterMs(header, now, deps.config.retryAfterCapMs), startedAt, nowMs: now };
	const { next, gaveUp, write } = nextState(deps, answered);
	const [endpointWrites, laneWrites] = [ofEndpoint(deps, answered), ofLane(deps, answered)];
	const before = [...endpointWrites, ...laneWrites];
	const notices = noticesOf(answered, gaveUp);
	const results = await deps.db.batch<Bound<unknown>[]>([
		...before,
		write,
		sql.settleAttempt.bind({
			id: newId("att", now),
			appId: claimed.appId,
			deliveryId: claimed.id,
			n: claimed.n,
			outcome: OUTCOMES[verdict.kind],
			reason: verdict.reason,
			status,
			startedAt,
			durationMs: now - startedAt,
			response: body,
		}),
		...workOf(notices),
	]);
	tellNotices(deps, notices, results);
	const [settled] = (results[before.length] ?? []) as { state: string }[];
	const state = settled?.state ?? "fenced";
	const { appId: app, laneId: lane, id: delivery, eventId: event, eventType, target, n } = claimed;
	const fields = { app, job: jobOf(eventType, claimed.jobId), delivery, event, target, n };
	const plan = state === "pending" ? next : null;
	if (laneWrites.length > 0) logBreaker(deps, { app, lane, delivery, reason: verdict.reason }, claimed, results[endpointWrites.length]);
	deps.log.info({ ...fields, state, reason: verdict.reason, status, ms: now - startedAt, next: plan }, "attempt.finished");
}

/** What the breaker of its lane has come to. `rows`: of the write that counted the attempt. */
function logBreaker(deps: Deps, fields: object, before: { probation: number }, rows: readonly unknown[] = []): void {
	const [now] = rows as { openUntil?: number | null; probation?: number }[];
	if (now?.openUntil) deps.log.warn({ ...fields, open_until: now.openUntil }, "breaker.opened");
	if (before.probation > 0 && now?.probation === 0) deps.log.info(fields, "breaker.closed");
}

const OUTCOMES = { delivered: "delivered", retry: "failed", stop: "failed", ours: "interrupted" } as const;

/** The write that settles the delivery itself, and when it will be due. `gaveUp`: it may end here for good. */
function nextState(deps: Deps, answered: Answered) {
	const { claimed, verdict, retryAfterMs, nowMs } = answered;
	const at = { delivery: claimed.id, claim: claimed.claimId, reason: verdict.reason, now: nowMs };
	const ends = { next: null, gaveUp: false };
	if (verdict.kind === "delivered") return { ...ends, write: sql.delivered.bind({ ...at, spent: 0 }) };
	// the endpoint is disabled before this in the batch, so that its delivery is held with all the others; else it is another one
	if (disables(answered)) return { ...ends, write: sql.retryLater.bind({ ...at, spent: 0, at: nowMs + deps.config.overloadDelayMs }) };
	if (verdict.kind === "stop") return { ...ends, write: sql.stopped.bind({ ...at, spent: 1 }) };
	if (verdict.kind === "ours") return againAt(deps, claimed, { ...at, at: nowMs });
	const next = nextAttemptAt(scheduleOf(deps.config, readRetry(claimed.retry)), {
		failures: claimed.failures + 1,
		armedAtMs: claimed.armedAt,
		nowMs,
		retryAfterMs,
		overload: verdict.overload,
		random01: deps.random(),
	});
	if (next === null) return { next, gaveUp: true, write: sql.exhausted.bind({ ...at, spent: 1 }) };
	return { next, gaveUp: false, write: sql.retryLater.bind({ ...at, spent: 1, at: next }) };
}

const toEndpoint = ({ target }: sql.Claimed): boolean => target !== "job";
const disables = ({ claimed, verdict }: Answered): boolean => verdict.kind === "stop" && verdict.disable && toEndpoint(claimed);

/** What the answer says of its endpoint. A job's own URL has none: it is never disabled. */
function ofEndpoint({ config }: Deps, answered: Answered): Bound<unknown>[] {
	const { claimed, verdict, startedAt, nowMs } = answered;
	if (!toEndpoint(claimed)) return [];
	const attempted = { endpoint: claimed.target, delivery: claimed.id, retry: claimed.retry, startedAt, nowMs };
	if (verdict.kind === "delivered") return healthSucceeded(attempted, claimed);
	if (verdict.kind === "retry") return [healthFailed(config, attempted)];
	if (disables(answered))
		return disabledByReceiver({ app: claimed.appId, endpoint: claimed.target, reason: verdict.reason, now: nowMs, seen: startedAt });
	return [];
}

/** What it says of all that goes the same way. */
function ofLane({ config, random }: Deps, { claimed, verdict, retryAfterMs, nowMs }: Answered): Bound<unknown>[] {
	const answered = { lane: claimed.laneId, claimedAt: claimed.claimedAt, nowMs };
	if (verdict.kind === "delivered") return breakerSucceeded(config, answered, claimed);
	if (verdict.kind !== "retry") return [];
	const pause = verdict.pauseLane ? (retryAfterMs ?? (verdict.overload ? config.overloadDelayMs : 0)) : 0;
	const rests =
		pause > 0
			? [pauseReceiver.bind({ lane: claimed.laneId, until: nowMs + pause, reason: verdict.reason, claimed: claimed.claimedAt })]
			: [];
	return [breakerFailed(config, answered, random()), ...rests];
}

/** What the operator is told where this batch makes it true. */
function noticesOf(answered: Answered, gaveUp: boolean): Notice[] {
	const { claimed, verdict, nowMs: now } = answered;
	const { appId: app, target, url, failingSince, succeededAt } = claimed;
	const { reason } = verdict;
	if (disables(answered)) return [disabledNotice({ app, endpoint: target, url, reason, failingSince, succeededAt, failures: null, now })];
	return gaveUp ? [givenUp(claimed, reason, now)] : [];
}
