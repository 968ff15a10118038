import { newId } from "../core/ids.ts";
import { resultLink } from "../core/result-link.ts";
import type { Bound, RowOf } from "../db/db.ts";
import type { receipts } from "../db/schema.ts";
import type { Deps } from "../deps.ts";
import { fanOut } from "../outbound/fanout.ts";
import { type News, pollLane } from "../providers/provider.ts";
import { renderEvent } from "./envelope.ts";
import { type EventState, eventTypeOf, isTerminal, type JobState } from "./job.ts";
import { firstPollMs } from "./ladder.ts";
import * as sql from "./sql/finish.ts";

type Receipt = typeof receipts.$inferSelect;
export type Known = RowOf<typeof sql.knownBySubmission>;

/** A move that is due, with what the provider said of it. `canceled` and our own failures come as news, too. */
export type Move = (News | { state: "canceled"; message: string }) & { providerJobId: string | null };

/** What the move rests on: a receipt to be stored with it, an orphan to be joined, or our own account. */
export type Ground =
	| { kind: "receipt"; receipt: Receipt }
	| { kind: "orphan"; receiptId: string }
	| { kind: "own"; submissionState: string; reason: string };

/**
 * Moves a job in one atomic batch: receipt, guarded move, submission, event, result, fan-out.
 * True: all of it is committed. False: nothing was written, because the job or the receipt is no longer as `known` says;
 * read again and judge again.
 */
export async function finish(deps: Deps, known: Known, move: Move, ground: Ground): Promise<boolean> {
	const now = deps.clock.now();
	const event = newId("evt", now);
	const at = { job: known.jobId, event };
	const facts = factsOf(deps, known, move, event, now);
	const guarded = {
		...at,
		now,
		from: known.state,
		revision: known.revision,
		submission: known.submissionId,
		submissionState: known.submissionState,
	};
	const bound = {
		...guarded,
		to: move.state,
		started: facts.startedAt,
		ended: facts.endedAt,
		errorCode: facts.errorCode,
		errorMessage: facts.errorMessage,
	};
	const rest: Bound<unknown>[] = [
		await submissionAfter(deps, known, move, ground, event, now),
		sql.eventOfMove.bind({
			...at,
			id: event,
			appId: known.appId,
			jobId: known.jobId,
			type: eventTypeOf(move.state),
			revision: facts.revision,
			body: renderEvent(facts),
			createdAt: now,
		}),
	];
	if (move.state === "completed")
		rest.push(
			sql.resultOfMove.bind({
				...at,
				jobId: known.jobId,
				appId: known.appId,
				providerUrl: move.resultUrl,
				readAt: now,
				content: null,
				contentType: null,
			}),
		);
	rest.push(
		...fanOut({
			eventId: event,
			appId: known.appId,
			jobId: known.jobId,
			terminal: isTerminal(move.state),
			now,
			target: targetOf(known, move.state),
		}),
	);
	const [moved] = await deps.db.batch<Bound<unknown>[]>([...opening(ground, known, bound), ...rest]);
	if (moved === undefined || moved.length === 0) return false;
	deps.log.info({ job: known.jobId, event, from: known.state, to: move.state, on: ground.kind }, "job.moved");
	deps.wake();
	return true;
}

/** The guarded move itself, and the receipt's own row behind it. */
function opening(ground: Ground, known: Known, move: Parameters<typeof sql.moveJobAlone.bind>[0]): Bound<unknown>[] {
	const at = { job: move.job, event: move.event };
	switch (ground.kind) {
		case "receipt": {
			const { provider, accountId: account, deliveryId: delivery } = ground.receipt;
			const whose = { appId: known.appId, jobId: known.jobId, submissionId: known.submissionId };
			return [
				sql.moveJobOnNewReceipt.bind({ ...move, provider, account, delivery }),
				sql.receiptOfMove.bind({ ...ground.receipt, ...whose, ...at, outcome: "applied" }),
			];
		}
		case "orphan":
			return [
				sql.moveJobOnOrphan.bind({ ...move, receipt: ground.receiptId }),
				sql.orphanOfMove.bind({ ...at, receipt: ground.receiptId, app: known.appId, submission: known.submissionId }),
			];
		case "own":
			return [sql.moveJobAlone.bind(move)];
	}
}

async function submissionAfter(deps: Deps, known: Known, move: Move, ground: Ground, event: string, now: number): Promise<Bound<unknown>> {
	const at = { submission: known.submissionId, job: known.jobId, event, now };
	if (isTerminal(move.state)) {
		const [state, reason] = ground.kind === "own" ? [ground.submissionState, ground.reason] : ["accepted", null];
		return sql.submissionEnded.bind({ ...at, state, reason, providerJob: move.providerJobId });
	}
	const pollAt = now + (await firstPollMs(deps, known));
	return sql.submissionAtWork.bind({ ...at, providerJob: move.providerJobId, lane: pollLane(known.accountId), pollAt });
}

function factsOf(deps: Deps, known: Known, move: Move, eventId: string, now: number) {
	const endedAt = isTerminal(move.state) ? now : null;
	const startedAt = known.startedAt ?? (move.state === "processing" || move.state === "completed" ? now : null);
	const processingMs = move.state === "completed" ? (move.processingMs ?? now - (startedAt ?? now)) : null;
	const link = () => resultLink(deps.secrets, deps.publicUrl, known.jobId, now + deps.config.resultLinkMs);
	return {
		eventId,
		at: now,
		jobId: known.jobId,
		jobType: known.type,
		provider: known.provider,
		model: known.model,
		metadata: known.metadata,
		revision: known.revision + 1,
		state: move.state,
		previousState: known.state as Exclude<JobState, "completed" | "failed" | "canceled">,
		startedAt,
		endedAt,
		resultUrl: move.state === "completed" ? link() : null,
		processingMs,
		errorCode: move.state === "failed" ? move.code : move.state === "canceled" ? "canceled" : null,
		errorMessage: move.state === "failed" || move.state === "canceled" ? move.message : null,
	};
}

function targetOf(known: Known, state: EventState) {
	if (known.webhookUrl === null) return null;
	const wanted = known.webhookEvents === null || (JSON.parse(known.webhookEvents) as string[]).includes(eventTypeOf(state));
	return wanted ? { appId: known.appId, url: known.webhookUrl, ownSecret: known.hasWebhookSecret === 1 } : null;
}
