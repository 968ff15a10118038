import { newId } from "../core/ids.ts";
import { resultLink } from "../core/result-link.ts";
import type { Bound, RowOf } from "../db/db.ts";
import type { Deps, Due } from "../deps.ts";
import { fanOut } from "../outbound/fanout.ts";
import { pollLane } from "../providers/provider.ts";
import { renderEvent } from "./envelope.ts";
import { holdOf, openMove } from "./ground.ts";
import { type EventState, eventTypeOf, isTerminal, type JobState } from "./job.ts";
import { firstPollMs } from "./ladder.ts";
import type { Ground, Known, Move } from "./move.ts";
import { resultLane } from "./news.ts";
import { resultRow } from "./result-row.ts";
import * as sql from "./sql/finish.ts";
import { tellEnd } from "./wait.ts";

/** A text that is longer comes by its link alone. */
const INLINE_MAX_BYTES = 262_144;

/** Of what a provider says went wrong, characters. */
const MESSAGE_MAX = 2000;

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
	const { before, guarded, after } = openMove(ground, known, {
		...holdOf(known, event),
		now,
		to: move.state,
		started: facts.startedAt,
		ended: facts.endedAt,
		errorCode: facts.errorCode,
		errorMessage: facts.errorMessage,
	});
	const submission = await submissionAfter(deps, known, move, ground, event, now);
	const rest: Bound<unknown>[] = [
		submission.write,
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
	if (move.state === "completed") rest.push(sql.resultOfMove.bind({ ...at, ...resultRow(deps.config, known, move, now) }));
	const fan = fanOut({
		eventId: event,
		appId: known.appId,
		jobId: known.jobId,
		terminal: isTerminal(move.state),
		now,
		target: targetOf(known, move.state),
	});
	const results = await deps.db.batch<Bound<unknown>[]>([...before, guarded, ...after, ...rest, ...fan.rest, ...fan.makes]);
	if (results[before.length]?.length === 0) return false;
	deps.log.info({ job: known.jobId, event, from: known.state, to: move.state, on: ground.kind }, "job.moved");
	const made = results.slice(-fan.makes.length).flat() as RowOf<(typeof fan.makes)[number]["stmt"]>[];
	deps.wake(...duesOf("submission", [{ id: known.submissionId, at: submission.dueAt }]), ...duesOf("delivery", made));
	if (isTerminal(move.state)) tellEnd(known.jobId);
	return true;
}

const duesOf = (kind: Due["kind"], rows: { id: string; at: number | null }[]): Due[] =>
	rows.flatMap(({ id, at }) => (at === null ? [] : [{ kind, id, at }]));

/** Its write, and when it is due then. */
async function submissionAfter(deps: Deps, known: Known, move: Move, ground: Ground, event: string, now: number) {
	const at = { submission: known.submissionId, job: known.jobId, event, now, providerJob: move.providerJobId };
	if (isTerminal(move.state)) return { write: sql.submissionEnded.bind({ ...at, ...endOf(ground) }), dueAt: null };
	if (move.state === "processing" && move.fetch) {
		const fetching = { ...at, lane: resultLane(known), resultUrl: move.fetch.resultUrl };
		return { write: sql.submissionFetching.bind(fetching), dueAt: now };
	}
	const lane = pollLane(known.accountId);
	const pollAt = now + (await firstPollMs(deps, known));
	return { write: sql.submissionAtWork.bind({ ...at, lane, pollAt }), dueAt: pollAt };
}

function endOf(ground: Ground): { state: string; reason: string | null } {
	if (ground.kind === "own") return { state: ground.submissionState, reason: ground.reason };
	return ground.kind === "withdrawn" ? { state: "not_taken", reason: ground.reason } : { state: "accepted", reason: null };
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
		result: move.state === "completed" && move.kept?.kind === "text" ? inline(move.kept.text) : null,
		processingMs,
		errorCode: move.state === "failed" ? move.code : move.state === "canceled" ? "canceled" : null,
		errorMessage: move.state === "failed" || move.state === "canceled" ? move.message.slice(0, MESSAGE_MAX).toWellFormed() : null,
	};
}

const inline = (text: string): string | null => (Buffer.byteLength(text) <= INLINE_MAX_BYTES ? text : null);

function targetOf(known: Known, state: EventState) {
	if (known.webhookUrl === null) return null;
	const wanted = known.webhookEvents === null || (JSON.parse(known.webhookEvents) as string[]).includes(eventTypeOf(state));
	return wanted ? { appId: known.appId, url: known.webhookUrl, ownSecret: known.hasWebhookSecret === 1 } : null;
}
