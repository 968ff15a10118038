import { and, eq, sql } from "drizzle-orm";
import { compile, compileSql, q, type Slots } from "../db/compile.ts";
import type { RowOf } from "../db/db.ts";
import { insertRow, insertWhere } from "../db/insert.ts";
import { apps, attempts, deliveries, endpoints, events, jobs } from "../db/schema.ts";
import { Claimer, claiming } from "../lanes/claim.ts";

/** A claimed delivery with all that one attempt needs: body, address and whose secret signs it. */
const claimedDeliveries = compile((p: Slots<{ lane: string; claim: string }>) =>
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
			createdAt: deliveries.createdAt,
			body: events.body,
			url: sql<string>`coalesce(${endpoints.url}, ${jobs.webhookUrl})`.as("target_url"),
			endpointSecret: endpoints.secret,
			jobSecret: jobs.webhookSecret,
			appSecret: apps.callbackSecret,
		})
		.from(deliveries)
		.innerJoin(events, eq(events.id, deliveries.eventId))
		.innerJoin(jobs, eq(jobs.id, deliveries.jobId))
		.innerJoin(apps, eq(apps.id, deliveries.appId))
		.leftJoin(endpoints, eq(endpoints.id, deliveries.target))
		.where(and(eq(deliveries.laneId, p.lane), eq(deliveries.claimId, p.claim))),
);
export type Claimed = RowOf<typeof claimedDeliveries>;

/** `n` of the attempt is fixed here. */
export const deliveryClaimer = () =>
	new Claimer(
		claiming(deliveries, () => sql`attempts = attempts + 1`),
		(claim) => claimedDeliveries.bind(claim),
		(deps) => 2 * deps.config.attemptDeadlineMs + deps.config.leaseMarginMs,
	);

/**
 * How an attempt went, kept even when the fence refuses the rest: what was sent was sent. Where it came back after its
 * lease, the row that calls it interrupted stands already, and learns the truth.
 */
export const settleAttempt = insertWhere<typeof attempts>(
	attempts,
	() => sql`WHERE true ON CONFLICT (delivery_id, n) DO UPDATE SET outcome = excluded.outcome, reason = excluded.reason, status = excluded.status,
		started_at = excluded.started_at, duration_ms = excluded.duration_ms, response = excluded.response WHERE ${attempts.outcome} = 'interrupted'`,
);
/** Nothing is known of how it went. One that settled after all keeps its row. */
export const interruptAttempt = insertRow(attempts, { orIgnore: true });

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

/** Again later; unless the job's end has overtaken this news, or the endpoint was disabled meanwhile. */
const OVERTAKEN = sql`event_type = 'job.processing' AND EXISTS (SELECT 1 FROM ${jobs} j WHERE j.id = job_id AND j.ended_at IS NOT NULL)`;
const DISABLED = sql`EXISTS (SELECT 1 FROM ${endpoints} ep WHERE ep.id = target AND ep.state = 'disabled')`;
export const retryLater = compileSql<Settled & { at: number; spent: number }, { id: string; state: string }>(
	["id", "state"],
	(p) => sql`UPDATE ${deliveries} SET reason = ${p.reason}, failures = failures + ${p.spent}, claim_id = NULL,
		state = CASE WHEN ${OVERTAKEN} THEN 'superseded' WHEN ${DISABLED} THEN 'held' ELSE 'pending' END,
		next_attempt_at = CASE WHEN ${OVERTAKEN} THEN NULL WHEN ${DISABLED} THEN NULL ELSE ${p.at} END,
		ended_at = CASE WHEN ${OVERTAKEN} THEN ${p.now} END
	WHERE id = ${p.delivery} AND claim_id = ${p.claim} RETURNING id, state`,
);

export const disableEndpoint = compile((p: Slots<{ app: string; endpoint: string; reason: string; now: number }>) =>
	q
		.update(endpoints)
		.set({ state: "disabled", reason: p.reason, updatedAt: p.now })
		.where(and(eq(endpoints.appId, p.app), eq(endpoints.id, p.endpoint)))
		.returning({ id: endpoints.id }),
);
/** What waits for a disabled endpoint is held, never dropped. What is under way settles by itself. */
export const holdPending = compile((p: Slots<{ endpoint: string }>) =>
	q
		.update(deliveries)
		.set({ state: "held", nextAttemptAt: null, reason: "endpoint_disabled" })
		.where(and(eq(deliveries.laneId, p.endpoint), sql`next_attempt_at IS NOT NULL`, sql`claim_id IS NULL`)),
);

/** Attempts whose process is gone, or too slow to be believed. */
export const expiredClaims = compileSql<{ now: number }, { id: string; appId: string; claimId: string; n: number; claimedAt: number }>(
	["id", "appId", "claimId", "n", "claimedAt"],
	(p) =>
		sql`SELECT id, app_id, claim_id, attempts, claimed_at FROM ${deliveries} WHERE claim_id IS NOT NULL AND next_attempt_at <= ${p.now} LIMIT 500`,
);
