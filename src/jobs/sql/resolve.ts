import { sql } from "drizzle-orm";
import { compileSql } from "../../db/compile.ts";
import { jobs, submissions } from "../../db/schema.ts";

/** Another send is to stand for one that may have been taken. The job is held in the same batch. */
export const supersede = compileSql<{ submission: string; job: string; token: string; now: number }, { id: string }>(
	["id"],
	(
		p,
	) => sql`UPDATE ${submissions} SET state = 'superseded', phase = 'poll', reason = 'resubmitted', next_attempt_at = NULL, claim_id = NULL, ended_at = ${p.now}
	WHERE id = ${p.submission} AND state = 'unknown' AND provider_job_id IS NULL
		AND EXISTS (SELECT 1 FROM ${jobs} j WHERE j.id = ${p.job} AND j.event_id = ${p.token}) RETURNING id`,
);
/** How often that was done for a job. */
export const supersededOf = compileSql<{ job: string }, { times: number }>(
	["times"],
	(p) => sql`SELECT count(*) AS times FROM ${submissions} WHERE job_id = ${p.job} AND state = 'superseded'`,
);
/** The id of a send whose outcome was unknown, as someone found it. The job is held in the same batch. */
export const attached = compileSql<
	{ submission: string; job: string; token: string; providerJob: string; lane: string; now: number },
	{ id: string }
>(
	["id"],
	(p) => sql`UPDATE ${submissions} SET state = 'accepted', phase = 'poll', provider_job_id = ${p.providerJob}, accepted_at = ${p.now},
		lane_id = ${p.lane}, next_attempt_at = ${p.now}, claim_id = NULL, reason = 'attached'
	WHERE id = ${p.submission} AND state = 'unknown' AND provider_job_id IS NULL
		AND EXISTS (SELECT 1 FROM ${jobs} j WHERE j.id = ${p.job} AND j.event_id = ${p.token}) RETURNING id`,
);
