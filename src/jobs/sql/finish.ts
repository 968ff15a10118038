import { and, eq, type SQL, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/sqlite-core";
import { compile, compileSql, q, type Slots } from "../../db/compile.ts";
import { insertRow, insertWhere } from "../../db/insert.ts";
import { events, jobs, receipts, results, submissions } from "../../db/schema.ts";

/*
 * The one batch that moves a job. `moveJob` comes first: it locks the row, checks what was read (state, revision, current
 * submission) and stores a fresh event id; every statement after it requires that id, so all happen or none does. `holdJob`
 * does the same with a token that is no event's.
 */

const other = alias(submissions, "other");

const knownColumns = {
	jobId: jobs.id,
	appId: jobs.appId,
	state: jobs.state,
	revision: jobs.revision,
	token: sql<string>`coalesce(${jobs.eventId}, '')`.as("token"),
	currentSubmissionId: jobs.submissionId,
	type: jobs.type,
	model: jobs.model,
	metadata: jobs.metadata,
	webhookUrl: jobs.webhookUrl,
	hasWebhookSecret: sql<number>`CASE WHEN ${jobs.webhookSecret} IS NULL THEN 0 ELSE 1 END`.as("has_webhook_secret"),
	webhookEvents: jobs.webhookEvents,
	startedAt: jobs.startedAt,
	submissionId: sql<string>`${submissions.id}`.as("known_submission_id"),
	provider: submissions.provider,
	accountId: submissions.accountId,
	submissionState: sql<typeof submissions.$inferSelect.state>`${submissions.state}`.as("submission_state"),
	phase: submissions.phase,
	n: submissions.n,
	providerJobId: submissions.providerJobId,
};

/** What a token names. `idTaken`: another submission already carries the id we are being told. */
export const knownBySubmission = compile((p: Slots<{ submission: string; told: string }>) =>
	q
		.select({
			...knownColumns,
			idTaken: sql<number>`(SELECT count(*) FROM ${submissions} AS "other" WHERE ${other.provider} = ${submissions.provider}
				AND ${other.accountId} = ${submissions.accountId} AND ${other.providerJobId} = ${p.told} AND ${other.id} <> ${submissions.id})`.as(
				"id_taken",
			),
		})
		.from(submissions)
		.innerJoin(jobs, eq(jobs.id, submissions.jobId))
		.where(eq(submissions.id, p.submission)),
);

/** What a provider's own id names. */
export const knownByProviderJob = compile((p: Slots<{ provider: string; account: string; told: string }>) =>
	q
		.select({ ...knownColumns, idTaken: sql<number>`0`.as("id_taken") })
		.from(submissions)
		.innerJoin(jobs, eq(jobs.id, submissions.jobId))
		.where(and(eq(submissions.provider, p.provider), eq(submissions.accountId, p.account), eq(submissions.providerJobId, p.told))),
);

/** A job of an app, with its current submission. */
export const knownOfJob = compile((p: Slots<{ app: string; job: string }>) =>
	q
		.select({ ...knownColumns, idTaken: sql<number>`0`.as("id_taken") })
		.from(jobs)
		.innerJoin(submissions, eq(submissions.id, jobs.submissionId))
		.where(and(eq(jobs.appId, p.app), eq(jobs.id, p.job))),
);

/** The job as it was read, and the fresh token that all rows of this batch require. */
interface Hold {
	job: string;
	from: string;
	revision: number;
	token: string;
	submission: string;
	submissionState: string;
	phase: string;
	event: string;
}
interface Move extends Hold {
	to: string;
	now: number;
	started: number | null;
	ended: number | null;
	errorCode: string | null;
	errorMessage: string | null;
}
type Guard<Extra> = (p: Slots<Extra>) => SQL;

/** What was read still holds. Every batch changes the token, so on PostgreSQL one that waited for the row sees it, too. */
const unchanged = (p: Slots<Hold>) => sql`id = ${p.job} AND state = ${p.from} AND revision = ${p.revision}
	AND coalesce(event_id, '') = ${p.token} AND submission_id = ${p.submission}
	AND EXISTS (SELECT 1 FROM ${submissions} s WHERE s.id = ${p.submission} AND s.state = ${p.submissionState} AND s.phase = ${p.phase})`;

const moveJob = <Extra>(guard: Guard<Extra>) =>
	compileSql<Move & Extra, { id: string }>(
		["id"],
		(
			p,
		) => sql`UPDATE ${jobs} SET state = ${p.to}, revision = revision + 1, event_id = ${p.event}, started_at = coalesce(started_at, ${p.started}),
			ended_at = ${p.ended}, error_code = ${p.errorCode}, error_message = ${p.errorMessage}
		WHERE ${unchanged(p)} ${guard(p as Slots<Extra>)} RETURNING id`,
	);
/** The same where the job's state stays: only the rows behind it change. */
const holdJob = <Extra>(guard: Guard<Extra>) =>
	compileSql<Hold & Extra, { id: string }>(
		["id"],
		(p) => sql`UPDATE ${jobs} SET event_id = ${p.event} WHERE ${unchanged(p)} ${guard(p as Slots<Extra>)} RETURNING id`,
	);

interface ByDelivery {
	provider: string;
	account: string;
	delivery: string;
}
const onNewReceipt: Guard<ByDelivery> = (p) =>
	sql`AND NOT EXISTS (SELECT 1 FROM ${receipts} r WHERE r.provider = ${p.provider} AND r.account_id = ${p.account} AND r.delivery_id = ${p.delivery})`;
const onOrphan: Guard<{ receipt: string }> = (p) =>
	sql`AND EXISTS (SELECT 1 FROM ${receipts} r WHERE r.id = ${p.receipt} AND r.outcome = 'orphan')`;
const onOurOwn = () => sql``;

/** On a receipt that is not there yet, on an orphan that waits, or on our own account (refused, canceled, too late). */
export const moveJobOnNewReceipt = moveJob(onNewReceipt);
export const moveJobOnOrphan = moveJob(onOrphan);
export const moveJobAlone = moveJob<unknown>(onOurOwn);
export const holdJobOnNewReceipt = holdJob(onNewReceipt);
export const holdJobOnOrphan = holdJob(onOrphan);
export const holdJobAlone = holdJob<unknown>(onOurOwn);

const whereMoved = (p: { job: unknown; event: unknown }) =>
	sql`EXISTS (SELECT 1 FROM ${jobs} j WHERE j.id = ${p.job} AND j.event_id = ${p.event})`;
const fromMoved = (p: { job: unknown; event: unknown }) => sql`FROM ${jobs} WHERE ${jobs.id} = ${p.job} AND ${jobs.eventId} = ${p.event}`;

export const receiptOfMove = insertWhere<typeof receipts, { job: string; event: string }>(receipts, fromMoved);
export const eventOfMove = insertWhere<typeof events, { job: string; event: string }>(events, fromMoved);
export const resultOfMove = insertWhere<typeof results, { job: string; event: string }>(results, fromMoved);

/** A receipt that moves nothing. A copy of one we have changes nothing and returns no row. */
export const receiptAlone = insertRow(receipts, { orIgnore: true });
export const receiptExists = compile((p: Slots<{ provider: string; account: string; delivery: string }>) =>
	q
		.select({ id: receipts.id, outcome: receipts.outcome })
		.from(receipts)
		.where(and(eq(receipts.provider, p.provider), eq(receipts.accountId, p.account), eq(receipts.deliveryId, p.delivery))),
);

export const orphanOfMove = compile((p: Slots<{ receipt: string; app: string; job: string; submission: string; event: string }>) =>
	q
		.update(receipts)
		.set({ outcome: "applied", appId: sql`${p.app}`, jobId: sql`${p.job}`, submissionId: sql`${p.submission}` })
		.where(and(eq(receipts.id, p.receipt), whereMoved(p))),
);
/** An orphan whose job was found, and that changes nothing any more. */
export const orphanSettled = compile(
	(
		p: Slots<{
			receipt: string;
			outcome: typeof receipts.$inferSelect.outcome;
			app: string | null;
			job: string | null;
			submission: string | null;
		}>,
	) =>
		q
			.update(receipts)
			.set({ outcome: sql`${p.outcome}`, appId: sql`${p.app}`, jobId: sql`${p.job}`, submissionId: sql`${p.submission}` })
			.where(and(eq(receipts.id, p.receipt), eq(receipts.outcome, "orphan")))
			.returning({ id: receipts.id }),
);

/** The provider is at work on it: whatever we knew of the send, it was accepted, and from now on it is polled. */
export const submissionAtWork = compileSql<
	{ submission: string; job: string; event: string; providerJob: string | null; lane: string; pollAt: number; now: number },
	{ id: string }
>(
	["id"],
	(p) => sql`UPDATE ${submissions} SET state = 'accepted', provider_job_id = coalesce(provider_job_id, ${p.providerJob}),
		accepted_at = coalesce(accepted_at, ${p.now}), lane_id = ${p.lane},
		next_attempt_at = CASE WHEN state = 'accepted' THEN next_attempt_at ELSE ${p.pollAt} END,
		claim_id = CASE WHEN state = 'accepted' THEN claim_id ELSE NULL END, phase = 'poll'
	WHERE id = ${p.submission} AND ${whereMoved(p)} RETURNING id`,
);

/** The provider is done: what it made is to be fetched now. */
export const submissionFetching = compileSql<
	{ submission: string; job: string; event: string; providerJob: string | null; lane: string; resultUrl: string | null; now: number },
	{ id: string }
>(
	["id"],
	(p) => sql`UPDATE ${submissions} SET state = 'accepted', provider_job_id = coalesce(provider_job_id, ${p.providerJob}),
		accepted_at = coalesce(accepted_at, ${p.now}), lane_id = ${p.lane}, phase = 'result', result_url = ${p.resultUrl},
		next_attempt_at = ${p.now}, claim_id = NULL, reason = NULL
	WHERE id = ${p.submission} AND ${whereMoved(p)} RETURNING id`,
);

/** A send that no one has begun will not take place, though its input may be on its way here. It comes ahead of the job's own move, which requires it. */
export const withdrawSubmission = compileSql<
	{ submission: string; job: string; token: string; reason: string; now: number },
	{ id: string }
>(
	["id"],
	(p) => sql`UPDATE ${submissions} SET state = 'not_taken', phase = 'poll', reason = ${p.reason}, next_attempt_at = NULL, claim_id = NULL,
		ended_at = ${p.now}
	WHERE id = ${p.submission} AND state = 'pending' AND (claim_id IS NULL OR phase = 'input') AND EXISTS (SELECT 1 FROM ${jobs} j
		WHERE j.id = ${p.job} AND j.submission_id = ${p.submission} AND j.state = 'queued' AND coalesce(j.event_id, '') = ${p.token}) RETURNING id`,
);

/** Nothing is left to do for it. */
export const submissionEnded = compileSql<
	{ submission: string; job: string; event: string; state: string; providerJob: string | null; reason: string | null; now: number },
	{ id: string }
>(
	["id"],
	(p) => sql`UPDATE ${submissions} SET state = ${p.state}, provider_job_id = coalesce(provider_job_id, ${p.providerJob}), phase = 'poll',
		next_attempt_at = NULL, claim_id = NULL, reason = coalesce(${p.reason}, reason), ended_at = ${p.now}
	WHERE id = ${p.submission} AND ${whereMoved(p)} RETURNING id`,
);
