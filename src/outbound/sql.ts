import { and, eq, type SQL, sql } from "drizzle-orm";
import { compile, compileSql, q, type Slots } from "../db/compile.ts";
import type { RowOf } from "../db/db.ts";
import { apps, attempts, deliveries, endpoints, events, jobs, lanes } from "../db/schema.ts";
import { type Beside, type Claim, Claimer, type Kind } from "../lanes/claim.ts";

/** A claimed delivery with all that one attempt needs: body, address and whose secret signs it. */
const claimedSelect = (lane: SQL<string>, claim: SQL<string>) =>
	q
		.select({
			id: deliveries.id,
			appId: deliveries.appId,
			jobId: deliveries.jobId,
			eventId: deliveries.eventId,
			eventType: deliveries.eventType,
			target: deliveries.target,
			laneId: deliveries.laneId,
			claimId: sql<string>`${deliveries.claimId}`.as("claim"),
			n: deliveries.attempts,
			failures: deliveries.failures,
			armedAt: deliveries.armedAt,
			body: events.body,
			url: sql<string>`coalesce(${endpoints.url}, ${jobs.webhookUrl})`.as("target_url"),
			endpointSecret: endpoints.secret,
			endpointOldSecrets: endpoints.oldSecrets,
			endpointHeaders: endpoints.headers,
			retry: endpoints.retry,
			timeoutMs: endpoints.timeoutMs,
			failingSince: endpoints.failingSince,
			succeededAt: endpoints.succeededAt,
			noticedSince: endpoints.noticedSince,
			claimedAt: sql<number>`${deliveries.claimedAt}`.as("claimed"),
			tried: lanes.tried,
			probation: lanes.probation,
			jobSecret: jobs.webhookSecret,
			appSecret: apps.callbackSecret,
			appOldSecrets: sql<string | null>`${apps.oldSecrets}`.as("app_old_secrets"),
		})
		.from(deliveries)
		.innerJoin(events, eq(events.id, deliveries.eventId))
		.leftJoin(jobs, eq(jobs.id, deliveries.jobId))
		.innerJoin(apps, eq(apps.id, deliveries.appId))
		.innerJoin(lanes, eq(lanes.id, deliveries.laneId))
		.leftJoin(endpoints, eq(endpoints.id, deliveries.target))
		.where(and(eq(deliveries.laneId, lane), eq(deliveries.claimId, claim)));
const claimedOfLane = compile((p: Slots<Claim>) => claimedSelect(p.lane, p.claim));
const claimedBeside = compile((p: Slots<Beside>) =>
	claimedSelect(sql`(SELECT asked.lane_id FROM ${deliveries} asked WHERE asked.id = ${p.id})`, p.claim),
);
export type Claimed = RowOf<typeof claimedOfLane>;

/** `n` of the attempt is fixed here, and its age begins with the first: what waits for its lane grows no older. */
export const deliveryWork: Kind<Claimed> = {
	table: deliveries,
	set: (p) => sql`attempts = attempts + 1, armed_at = CASE WHEN attempts = 0 THEN CAST(${p.now} AS bigint) ELSE armed_at END`,
	rowsOf: (claim) => claimedOfLane.bind(claim),
	rowsBeside: (claim) => claimedBeside.bind(claim),
	deadlineMs: (config) => config.attemptDeadlineMs,
};
export const deliveryClaimer = () => new Claimer(deliveryWork);

type AttemptRow = Omit<typeof attempts.$inferSelect, "nextAttemptAt">;
/**
 * An attempt's row, behind the write that settles its delivery in the same batch. The next time is read from there: null
 * where none is planned, because the delivery ended, is held, or belongs to a later attempt by now.
 */
const attemptRow = (onClash: SQL) =>
	compileSql<AttemptRow, { inserted: number }>(
		["inserted"],
		(
			p,
		) => sql`INSERT INTO ${attempts} (id, app_id, delivery_id, n, outcome, reason, status, started_at, duration_ms, response, next_attempt_at)
		SELECT ${p.id}, ${p.appId}, ${p.deliveryId}, ${p.n}, ${p.outcome}, ${p.reason}, ${p.status}, ${p.startedAt}, ${p.durationMs}, ${p.response},
			(SELECT d.next_attempt_at FROM ${deliveries} d WHERE d.id = ${p.deliveryId} AND d.attempts = ${p.n} AND d.claim_id IS NULL)
		WHERE true ON CONFLICT ${onClash} RETURNING 1 AS inserted`,
	);
/**
 * How an attempt went, kept even when the fence refuses the rest: what was sent was sent. Where it came back after its
 * lease, the row that calls it interrupted stands already, and learns the truth.
 */
export const settleAttempt = attemptRow(
	sql`(delivery_id, n) DO UPDATE SET outcome = excluded.outcome, reason = excluded.reason, status = excluded.status,
		started_at = excluded.started_at, duration_ms = excluded.duration_ms, response = excluded.response WHERE ${attempts.outcome} = 'interrupted'`,
);
/** Nothing is known of how it went. One that settled after all keeps its row. */
export const interruptAttempt = attemptRow(sql`DO NOTHING`);

interface Settled {
	delivery: string;
	claim: string;
	reason: string;
	now: number;
}
const ended = (state: "delivered" | "exhausted" | "stopped") =>
	compileSql<Settled & { spent: number }, { id: string; state: string }>(
		["id", "state"],
		(
			p,
		) => sql`UPDATE ${deliveries} SET state = ${sql.raw(`'${state}'`)}, reason = ${p.reason}, failures = failures + ${p.spent}, next_attempt_at = NULL,
			claim_id = NULL, ended_at = ${p.now}
		WHERE id = ${p.delivery} AND claim_id = ${p.claim} RETURNING id, state`,
	);
export const delivered = ended("delivered");
export const exhausted = ended("exhausted");
export const stopped = ended("stopped");

const OVERTAKEN = sql`event_type = 'job.processing' AND EXISTS (SELECT 1 FROM ${jobs} j WHERE j.id = ${deliveries}.job_id AND j.ended_at IS NOT NULL)`;
const targetIs = (state: "disabled" | "deleted") =>
	sql`EXISTS (SELECT 1 FROM ${endpoints} ep WHERE ep.id = ${deliveries}.target AND ep.state = ${sql.raw(`'${state}'`)})`;
/** Again later; unless the job's end has overtaken this news, or the endpoint was disabled or deleted meanwhile. */
export const retryLater = compileSql<Settled & { at: number; spent: number }, { id: string; state: string }>(
	["id", "state"],
	(p) => sql`UPDATE ${deliveries} SET failures = failures + ${p.spent}, claim_id = NULL,
		state = CASE WHEN ${OVERTAKEN} THEN 'superseded' WHEN ${targetIs("deleted")} THEN 'stopped' WHEN ${targetIs("disabled")} THEN 'held' ELSE 'pending' END,
		reason = CASE WHEN ${OVERTAKEN} THEN CAST(${p.reason} AS text) WHEN ${targetIs("deleted")} THEN 'endpoint_deleted'
			WHEN ${targetIs("disabled")} THEN 'endpoint_disabled' ELSE CAST(${p.reason} AS text) END,
		next_attempt_at = CASE WHEN ${OVERTAKEN} THEN NULL WHEN ${targetIs("deleted")} THEN NULL WHEN ${targetIs("disabled")} THEN NULL
			ELSE CAST(${p.at} AS bigint) END,
		armed_at = CASE WHEN ${targetIs("disabled")} THEN CAST(${p.now} AS bigint) ELSE armed_at END,
		ended_at = CASE WHEN ${OVERTAKEN} THEN CAST(${p.now} AS bigint) WHEN ${targetIs("deleted")} THEN CAST(${p.now} AS bigint) END
	WHERE id = ${p.delivery} AND claim_id = ${p.claim} RETURNING id, state`,
);

/** Attempts whose process is gone, or too slow to be believed. */
export const expiredClaims = compileSql<{ now: number; most: number }, Expired>(
	["id", "appId", "jobId", "eventId", "eventType", "target", "laneId", "claimId", "n", "claimedAt", "armedAt"],
	(p) => sql`SELECT id, app_id, job_id, event_id, event_type, target, lane_id, claim_id, attempts, claimed_at, armed_at FROM ${deliveries}
		WHERE claim_id IS NOT NULL AND next_attempt_at <= ${p.now} LIMIT ${p.most}`,
);
type Expired = {
	id: string;
	appId: string;
	jobId: string;
	eventId: string;
	eventType: string;
	target: string;
	laneId: string;
	claimId: string;
	n: number;
	claimedAt: number;
	armedAt: number;
};
