import { and, asc, eq, sql } from "drizzle-orm";
import { compile, q, type Slots } from "../../db/compile.ts";
import { attempts, deliveries, events, jobs, receipts, results, submissions } from "../../db/schema.ts";
import { shown } from "../../outbound/delivery/sql.ts";

type OfJob = Slots<{ app: string; job: string }>;

export const jobById = compile((p: OfJob) =>
	q
		.select({
			id: jobs.id,
			provider: jobs.provider,
			type: jobs.type,
			model: jobs.model,
			state: jobs.state,
			revision: jobs.revision,
			input: jobs.input,
			inputBlob: jobs.inputBlob,
			metadata: jobs.metadata,
			webhookUrl: jobs.webhookUrl,
			webhookEvents: jobs.webhookEvents,
			errorCode: jobs.errorCode,
			errorMessage: jobs.errorMessage,
			createdAt: jobs.createdAt,
			startedAt: jobs.startedAt,
			endedAt: jobs.endedAt,
		})
		.from(jobs)
		.where(and(eq(jobs.appId, p.app), eq(jobs.id, p.job))),
);

export const stateOfJob = compile((p: OfJob) =>
	q
		.select({ state: jobs.state })
		.from(jobs)
		.where(and(eq(jobs.appId, p.app), eq(jobs.id, p.job))),
);

export const submissionsOfJob = compile((p: OfJob) =>
	q
		.select()
		.from(submissions)
		.where(and(eq(submissions.appId, p.app), eq(submissions.jobId, p.job)))
		.orderBy(asc(submissions.n)),
);

export const receiptsOfJob = compile((p: OfJob) =>
	q
		.select({
			source: receipts.source,
			type: receipts.type,
			outcome: receipts.outcome,
			deliveryId: receipts.deliveryId,
			receivedAt: receipts.receivedAt,
		})
		.from(receipts)
		.where(and(eq(receipts.appId, p.app), eq(receipts.jobId, p.job)))
		.orderBy(asc(receipts.receivedAt)),
);

export const eventsOfJob = compile((p: OfJob) =>
	q
		.select({ id: events.id, type: events.type, revision: events.revision, createdAt: events.createdAt })
		.from(events)
		.where(and(eq(events.appId, p.app), eq(events.jobId, p.job)))
		.orderBy(asc(events.revision)),
);

export const deliveriesOfJob = compile((p: OfJob) =>
	shown(sql`SELECT id FROM ${deliveries} WHERE app_id = ${p.app} AND job_id = ${p.job}`).orderBy(asc(deliveries.id)),
);

export const attemptsOfJob = compile((p: OfJob) =>
	q
		.select({
			id: attempts.id,
			deliveryId: attempts.deliveryId,
			n: attempts.n,
			outcome: attempts.outcome,
			reason: attempts.reason,
			status: attempts.status,
			startedAt: attempts.startedAt,
			durationMs: attempts.durationMs,
			response: attempts.response,
			nextAttemptAt: attempts.nextAttemptAt,
		})
		.from(attempts)
		.innerJoin(deliveries, eq(deliveries.id, attempts.deliveryId))
		.where(and(eq(deliveries.appId, p.app), eq(deliveries.jobId, p.job)))
		.orderBy(asc(attempts.startedAt)),
);

/** For the signed link, which proves the right to read by itself. */
export const resultOfJob = compile((p: Slots<{ job: string }>) =>
	q
		.select({
			providerUrl: results.providerUrl,
			readAt: results.readAt,
			content: results.content,
			contentBlob: results.contentBlob,
			contentType: results.contentType,
			sizeBytes: results.sizeBytes,
			sha256: results.sha256,
			provider: submissions.provider,
			accountId: submissions.accountId,
			providerJobId: submissions.providerJobId,
		})
		.from(results)
		.innerJoin(jobs, eq(jobs.id, results.jobId))
		.innerJoin(submissions, eq(submissions.id, jobs.submissionId))
		.where(eq(results.jobId, p.job)),
);

export const refreshResult = compile((p: Slots<{ job: string; url: string; now: number }>) =>
	q.update(results).set({ providerUrl: p.url, readAt: p.now }).where(eq(results.jobId, p.job)).returning({ jobId: results.jobId }),
);
