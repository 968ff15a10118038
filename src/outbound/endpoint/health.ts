import { type SQL, sql } from "drizzle-orm";
import type { Config } from "../../config.ts";
import { compileSql } from "../../db/compile.ts";
import type { Bound } from "../../db/db.ts";
import { attempts, endpoints } from "../../db/schema.ts";

/** What an endpoint's row says of its last days. Times are epoch milliseconds. */
export interface Health {
	retry: string | null;
	/** Since the last success: the first failure and the last one, how many, and of how many deliveries. */
	failingSince: number | null;
	failedAt: number | null;
	failures: number;
	failingDeliveries: number;
	/** The `failingSince` that the operator was told of. */
	noticedSince: number | null;
}

/** Of a healthy endpoint its successes are written down once an hour. */
const WELL_EVERY_MS = 3_600_000;

interface One {
	endpoint: string;
	now: number;
}

/**
 * An attempt failed that the row knows nothing of yet; its own row must not be there. `judgeBy`: look at it then at the latest.
 * One that was switched since, or given another URL, is left alone.
 */
export const countFailure = compileSql<One & { delivery: string; startedAt: number; judgeBy: number }, { id: string }>(
	["id"],
	(
		p,
	) => sql`UPDATE ${endpoints} SET failures = failures + 1, failed_at = ${p.now}, failing_since = coalesce(failing_since, CAST(${p.startedAt} AS bigint)),
		failing_deliveries = failing_deliveries + CASE WHEN failing_since IS NOT NULL AND EXISTS (
			SELECT 1 FROM ${attempts} a WHERE a.delivery_id = ${p.delivery} AND a.outcome = 'failed' AND a.started_at >= ${endpoints}.failing_since
		) THEN 0 ELSE 1 END,
		judge_at = CASE WHEN judge_at <= ${p.judgeBy} THEN judge_at ELSE CAST(${p.judgeBy} AS bigint) END
	WHERE id = ${p.endpoint} AND state = 'enabled' AND receiver_since <= ${p.startedAt} RETURNING id`,
);
const NO_FAILURES = sql.raw("failing_since = NULL, failed_at = NULL, failures = 0, failing_deliveries = 0");
/** For a SET: as if nothing had been. What the operator knows of stays: the first success is told. */
export const wellSince = (now: SQL): SQL => sql`succeeded_at = ${now}, ${NO_FAILURES}, judge_at = NULL`;

/** Whether the operator is to be told is judged where it is told. */
export const countSuccess = compileSql<One, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${endpoints} SET succeeded_at = ${p.now}, ${NO_FAILURES},
		judge_at = CASE WHEN noticed_since IS NULL THEN NULL ELSE CAST(${p.now} AS bigint) END
	WHERE id = ${p.endpoint} AND state <> 'deleted' RETURNING id`,
);
/** Behind a change in its batch, where that gave it another URL. */
export const wellAgain = compileSql<One & { app: string }, { id: string }>(
	["id"],
	(p) =>
		sql`UPDATE ${endpoints} SET ${wellSince(p.now)} WHERE id = ${p.endpoint} AND app_id = ${p.app} AND receiver_since = ${p.now} RETURNING id`,
);

export interface EndpointAttempt {
	endpoint: string;
	delivery: string;
	retry: string | null;
	startedAt: number;
	nowMs: number;
}

export const healthFailed = (config: Pick<Config, "noticeAfterMs">, { endpoint, delivery, retry, startedAt, nowMs }: EndpointAttempt) =>
	// how many failures are too many by deAPI's rule is counted in the row: whoever looks after it sees it at once
	countFailure.bind({ endpoint, delivery, startedAt, now: nowMs, judgeBy: retry === "deapi" ? nowMs : startedAt + config.noticeAfterMs });

/** An endpoint that is known to be well needs no write. */
export const healthSucceeded = (
	{ endpoint, nowMs }: Pick<EndpointAttempt, "endpoint" | "nowMs">,
	{ failingSince, noticedSince, succeededAt }: Seen,
): Bound<unknown>[] => {
	const known = failingSince === null && noticedSince === null && nowMs - (succeededAt ?? 0) < WELL_EVERY_MS;
	return known ? [] : [countSuccess.bind({ endpoint, now: nowMs })];
};
/** As it was when the attempt was claimed. */
interface Seen {
	failingSince: number | null;
	noticedSince: number | null;
	succeededAt: number | null;
}
