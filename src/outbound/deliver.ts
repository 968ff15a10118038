import type { HttpAnswer } from "../core/http.ts";
import { newId } from "../core/ids.ts";
import { retryAfterMs } from "../core/retry-after.ts";
import type { Bound } from "../db/db.ts";
import type { Deps } from "../deps.ts";
import { pauseLane, pauseMs } from "../lanes/pause.ts";
import { openSecret } from "./credentials.ts";
import { disabledByReceiver } from "./endpoint/switch.ts";
import { againAt } from "./ours.ts";
import { type Verdict, verdictOf } from "./outcome.ts";
import { nextAttemptAt } from "./schedule.ts";
import { send } from "./send.ts";
import * as sql from "./sql.ts";

/** One attempt of a claimed delivery: sign, send, settle attempt row and next state in one batch. */
export async function deliver(deps: Deps, claimed: sql.Claimed): Promise<void> {
	const startedAt = deps.clock.now();
	const secret = openSecret(deps, claimed);
	if (secret === null) return settleSealed(deps, claimed, startedAt);
	const { id, eventId, eventType, body, n, url } = claimed;
	const answer = await send(deps, { eventId, eventType, deliveryId: id, attempt: n, body }, { url, secret });
	await settle(deps, claimed, answer, startedAt);
}

/** An attempt that came to an answer: what it means, what the receiver asked for, when we knew. */
interface Answered {
	claimed: sql.Claimed;
	verdict: Verdict;
	retryAfterMs: number | null;
	nowMs: number;
}

async function settle(deps: Deps, claimed: sql.Claimed, answer: HttpAnswer, startedAt: number): Promise<void> {
	const verdict = verdictOf(answer);
	const now = deps.clock.now();
	const header = answer.kind === "response" ? answer.headers["retry-after"] : undefined;
	const answered = { claimed, verdict, retryAfterMs: retryAfterMs(header, now, deps.config.retryAfterCapMs), nowMs: now };
	const { next, write } = nextState(deps, answered);
	const status = answer.kind === "response" ? answer.status : null;
	const effects = effectsOnTheRest(deps, answered, startedAt);
	const results = await deps.db.batch<Bound<unknown>[]>([
		...effects,
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
			response: answer.kind === "response" ? answer.body : null,
		}),
	]);
	const [settled] = (results[effects.length] ?? []) as { state: string }[];
	if (disables(answered) && (results[0]?.length ?? 0) > 0)
		deps.log.warn({ app: claimed.appId, endpoint: claimed.target, reason: verdict.reason }, "endpoint.disabled");
	const state = settled?.state ?? "fenced";
	const fields = { job: claimed.jobId, delivery: claimed.id, event: claimed.eventId, target: claimed.target, n: claimed.n };
	const plan = state === "pending" ? next : null;
	deps.log.info({ ...fields, state, reason: verdict.reason, status, ms: now - startedAt, next: plan }, "attempt.finished");
}

const OUTCOMES = { delivered: "delivered", retry: "failed", stop: "failed", ours: "interrupted" } as const;

/** The write that settles the delivery itself, and when it will be due. */
function nextState(deps: Deps, { claimed, verdict, retryAfterMs, nowMs }: Answered) {
	const at = { delivery: claimed.id, claim: claimed.claimId, reason: verdict.reason, now: nowMs };
	if (verdict.kind === "delivered") return { next: null, write: sql.delivered.bind({ ...at, spent: 0 }) };
	// the endpoint is disabled before this in the batch, so that its delivery is held with all the others
	if (disables({ claimed, verdict })) return { next: null, write: sql.retryLater.bind({ ...at, spent: 0, at: nowMs }) };
	if (verdict.kind === "stop") return { next: null, write: sql.stopped.bind({ ...at, spent: 1 }) };
	if (verdict.kind === "ours") return againAt(deps, claimed, { ...at, at: nowMs });
	const next = nextAttemptAt(deps.config, {
		failures: claimed.failures + 1,
		armedAtMs: claimed.armedAt,
		nowMs,
		retryAfterMs,
		overload: verdict.overload,
		random01: deps.random(),
	});
	if (next === null) return { next: null, write: sql.exhausted.bind({ ...at, spent: 1 }) };
	return { next, write: sql.retryLater.bind({ ...at, spent: 1, at: next }) };
}

const disables = ({ claimed, verdict }: Pick<Answered, "claimed" | "verdict">): boolean =>
	verdict.kind === "stop" && verdict.disable && claimed.target !== "job";

/** The writes for everything else that goes the same way; they come first. */
function effectsOnTheRest(deps: Deps, answered: Answered, startedAt: number): Bound<unknown>[] {
	const { claimed, verdict, retryAfterMs, nowMs } = answered;
	if (verdict.kind === "retry" && verdict.pauseLane) {
		const pause = retryAfterMs ?? (verdict.overload ? deps.config.overloadDelayMs : 0);
		return pause > 0 ? [pauseLane.bind({ lane: claimed.laneId, until: nowMs + pause, reason: verdict.reason })] : [];
	}
	if (disables(answered))
		return disabledByReceiver({ app: claimed.appId, endpoint: claimed.target, reason: verdict.reason, now: nowMs, seen: startedAt });
	return [];
}

/** A secret that does not open: nothing is sent. */
async function settleSealed(deps: Deps, claimed: sql.Claimed, now: number): Promise<void> {
	const reason = "secret_sealed";
	const at = { delivery: claimed.id, claim: claimed.claimId, reason, now, at: now + pauseMs(claimed.n - 1) };
	await deps.db.batch([
		againAt(deps, claimed, at).write,
		sql.interruptAttempt.bind({
			id: newId("att", now),
			appId: claimed.appId,
			deliveryId: claimed.id,
			n: claimed.n,
			outcome: "interrupted",
			reason,
			status: null,
			startedAt: now,
			durationMs: 0,
			response: null,
		}),
	]);
}
