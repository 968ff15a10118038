import { and, eq, type SQL, sql } from "drizzle-orm";
import { compile, compileSql, q, type Slots } from "../../db/compile.ts";
import type { RowOf } from "../../db/db.ts";
import { insertWhere } from "../../db/insert.ts";
import { jobs, lanes, submissions } from "../../db/schema.ts";
import { type Beside, type Claim, Claimer, type Kind } from "../../lanes/claim.ts";

/** A claimed submission with its job: what to send, or what to ask about. */
const claimedSelect = (lane: SQL<string>, claim: SQL<string>) =>
	q
		.select({
			id: submissions.id,
			appId: submissions.appId,
			jobId: submissions.jobId,
			provider: submissions.provider,
			accountId: submissions.accountId,
			n: submissions.n,
			state: submissions.state,
			phase: submissions.phase,
			laneId: submissions.laneId,
			claimId: sql<string>`${submissions.claimId}`.as("claim"),
			providerJobId: submissions.providerJobId,
			polls: submissions.polls,
			missing: submissions.missing,
			missingSince: submissions.missingSince,
			clockFrom: submissions.clockFrom,
			fetchingSince: submissions.fetchingSince,
			resultUrl: submissions.resultUrl,
			silentSince: submissions.silentSince,
			sentAt: submissions.sentAt,
			jobState: sql<typeof jobs.$inferSelect.state>`${jobs.state}`.as("job_state"),
			type: jobs.type,
			model: jobs.model,
			input: jobs.input,
			inputBlob: jobs.inputBlob,
			acceptedSince: sql<number>`${jobs.createdAt}`.as("accepted_since"),
			strikes: lanes.strikes,
			spacingMs: lanes.spacingMs,
			laneClockMs: sql<number>`${lanes.clockMs}`.as("lane_clock_ms"),
			laneHeardAt: sql<number>`${lanes.heardAt}`.as("lane_heard_at"),
		})
		.from(submissions)
		.innerJoin(jobs, eq(jobs.id, submissions.jobId))
		.innerJoin(lanes, eq(lanes.id, submissions.laneId))
		.where(and(eq(submissions.laneId, lane), eq(submissions.claimId, claim)));
const claimedOfLane = compile((p: Slots<Claim>) => claimedSelect(p.lane, p.claim));
const claimedBeside = compile((p: Slots<Beside>) =>
	claimedSelect(sql`(SELECT asked.lane_id FROM ${submissions} asked WHERE asked.id = ${p.id})`, p.claim),
);
export type Claimed = RowOf<typeof claimedOfLane>;

/** `sending` is committed before the request leaves: whatever happens then, it is never sent twice by itself. */
export const submissionWork: Kind<Claimed> = {
	table: submissions,
	set: (p) =>
		sql`state = CASE WHEN phase = 'send' THEN 'sending' ELSE state END, sent_at = CASE WHEN phase = 'send' THEN ${p.now} ELSE sent_at END`,
	rowsOf: (claim) => claimedOfLane.bind(claim),
	rowsBeside: (claim) => claimedBeside.bind(claim),
	deadlineMs: (config) => config.providerDeadlineMs,
};
/** What takes longer than a lease is held meanwhile: files on their way. */
export const holdLease = compileSql<{ submission: string; claim: string; until: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${submissions} SET next_attempt_at = ${p.until} WHERE id = ${p.submission} AND claim_id = ${p.claim} RETURNING id`,
);
export const submissionClaimer = () => new Claimer(submissionWork);

/** Guarded by "no id yet", not by the fence: a sender whose lease ran out may still hand the id in. */
export const accepted = compileSql<{ submission: string; providerJob: string; lane: string; pollAt: number; now: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${submissions} SET state = 'accepted', phase = 'poll', provider_job_id = ${p.providerJob}, accepted_at = ${p.now},
		lane_id = ${p.lane}, next_attempt_at = ${p.pollAt}, claim_id = NULL, reason = NULL
	WHERE id = ${p.submission} AND provider_job_id IS NULL AND state IN ('sending', 'unknown') RETURNING id`,
);
export const jobSubmitted = compile((p: Slots<{ job: string; submission: string }>) =>
	q
		.update(jobs)
		.set({ state: "submitted" })
		.where(
			and(
				eq(jobs.id, p.job),
				eq(jobs.state, "queued"),
				eq(jobs.submissionId, p.submission),
				sql`EXISTS (SELECT 1 FROM ${submissions} s WHERE s.id = ${p.submission} AND s.state = 'accepted')`,
			),
		)
		.returning({ id: jobs.id }),
);

/** Certainly not taken: this send is over. Its one sender may say so after its lease, too. */
export const notTaken = compileSql<{ submission: string; reason: string; now: number }, { id: string }>(
	["id"],
	(
		p,
	) => sql`UPDATE ${submissions} SET state = 'not_taken', reason = ${p.reason}, next_attempt_at = NULL, claim_id = NULL, ended_at = ${p.now}
	WHERE id = ${p.submission} AND provider_job_id IS NULL AND state IN ('sending', 'unknown') RETURNING id`,
);
interface Replacing {
	replaced: string;
}
export const nextSubmission = insertWhere<typeof submissions, Replacing>(
	submissions,
	(p) => sql`FROM ${submissions} old JOIN ${jobs} j ON j.id = old.job_id AND j.submission_id = old.id
		WHERE old.id = ${p.replaced} AND old.state IN ('not_taken', 'superseded') AND j.state = 'queued'`,
);
export const nextIsCurrent = compileSql<{ job: string; submission: string; replaced: string }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${jobs} SET submission_id = ${p.submission} WHERE id = ${p.job} AND submission_id = ${p.replaced}
		AND EXISTS (SELECT 1 FROM ${submissions} s WHERE s.id = ${p.submission}) RETURNING id`,
);

/** Perhaps taken: never sent again by itself; asked for no sooner than its deadline, unless a hook brings the id. */
export const unknown = compileSql<{ submission: string; claim: string; reason: string; lane: string; deadline: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${submissions} SET state = 'unknown', phase = 'poll', reason = ${p.reason}, lane_id = ${p.lane},
		next_attempt_at = ${p.deadline}, claim_id = NULL
	WHERE id = ${p.submission} AND claim_id = ${p.claim} AND state = 'sending' RETURNING id`,
);

/** Leases that ran out: the process that held them is gone, or too slow to be believed. */
export const expiredClaims = compileSql<
	{ now: number; most: number },
	{ id: string; jobId: string; provider: string; accountId: string; claimId: string; state: string; sentAt: number | null }
>(
	["id", "jobId", "provider", "accountId", "claimId", "state", "sentAt"],
	(p) => sql`SELECT id, job_id, provider, account_id, claim_id, state, sent_at FROM ${submissions}
	WHERE claim_id IS NOT NULL AND next_attempt_at <= ${p.now} LIMIT ${p.most}`,
);
export const releaseRepeatable = compileSql<{ submission: string; claim: string; now: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${submissions} SET claim_id = NULL, next_attempt_at = ${p.now}
	WHERE id = ${p.submission} AND claim_id = ${p.claim} AND phase <> 'send' RETURNING id`,
);

export const pollAgain = compileSql<
	{
		submission: string;
		claim: string;
		at: number;
		reason: string | null;
		missing: number;
		missingSince: number | null;
		silentSince: number | null;
		clockFrom: number | null;
	},
	{ id: string }
>(
	["id"],
	(p) => sql`UPDATE ${submissions} SET claim_id = NULL, next_attempt_at = ${p.at}, polls = polls + 1, reason = ${p.reason},
		missing = ${p.missing}, missing_since = ${p.missingSince}, silent_since = ${p.silentSince}, clock_from = coalesce(clock_from, ${p.clockFrom})
	WHERE id = ${p.submission} AND claim_id = ${p.claim} AND phase = 'poll' RETURNING id`,
);

/** Nothing is left to ask: the job ended, or another submission stands for it. */
export const stopPolling = compileSql<{ submission: string; claim: string; now: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${submissions} SET claim_id = NULL, next_attempt_at = NULL, ended_at = coalesce(ended_at, ${p.now})
	WHERE id = ${p.submission} AND claim_id = ${p.claim} AND phase = 'poll' RETURNING id`,
);

/** The input or the result could not be fetched yet. */
export const fetchAgain = compileSql<{ submission: string; claim: string; at: number; since: number; reason: string }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${submissions} SET claim_id = NULL, next_attempt_at = ${p.at}, reason = ${p.reason},
		fetching_since = coalesce(fetching_since, ${p.since})
	WHERE id = ${p.submission} AND claim_id = ${p.claim} AND phase IN ('input', 'result') RETURNING id`,
);
export const stopFetching = compileSql<{ submission: string; claim: string; now: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${submissions} SET claim_id = NULL, next_attempt_at = NULL, ended_at = coalesce(ended_at, ${p.now})
	WHERE id = ${p.submission} AND claim_id = ${p.claim} AND phase IN ('input', 'result') RETURNING id`,
);

/** All that it is to be sent with is here: it waits for its turn like any other. */
export const inputFetched = compileSql<{ submission: string; claim: string; lane: string; now: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${submissions} SET claim_id = NULL, phase = 'send', lane_id = ${p.lane}, next_attempt_at = ${p.now}, reason = NULL,
		fetching_since = NULL
	WHERE id = ${p.submission} AND claim_id = ${p.claim} AND phase = 'input' RETURNING id`,
);

/** A hook that proves nothing asks for a poll, at most once in a while. */
export const nudge = compileSql<{ submission: string; now: number; notSince: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${submissions} SET next_attempt_at = ${p.now}, nudged_at = ${p.now}
	WHERE id = ${p.submission} AND phase = 'poll' AND claim_id IS NULL AND provider_job_id IS NOT NULL
		AND next_attempt_at > ${p.now} AND nudged_at <= ${p.notSince} RETURNING id`,
);
/** Another one meanwhile: at the end of that while. What it would have told is not left to the ladder. */
export const nudgeLater = compileSql<{ submission: string; notSince: number; everyMs: number }, { at: number }>(
	["at"],
	(p) => sql`UPDATE ${submissions} SET next_attempt_at = nudged_at + ${p.everyMs}
	WHERE id = ${p.submission} AND phase = 'poll' AND claim_id IS NULL AND provider_job_id IS NOT NULL
		AND nudged_at > ${p.notSince} AND next_attempt_at > nudged_at + ${p.everyMs} RETURNING next_attempt_at AS at`,
);
