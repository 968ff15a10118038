import { and, asc, desc, eq, type SQL, sql } from "drizzle-orm";
import { compile, compileSql, q, type Slots } from "../../db/compile.ts";
import { byFilters, inPage, type PageSlots } from "../../db/page.ts";
import { attempts, deliveries, endpoints, events, jobs, lanes } from "../../db/schema.ts";

interface One {
	app: string;
	delivery: string;
}

const columns = {
	id: deliveries.id,
	jobId: deliveries.jobId,
	eventId: deliveries.eventId,
	eventType: deliveries.eventType,
	target: deliveries.target,
	url: sql<string | null>`coalesce(${endpoints.url}, ${jobs.webhookUrl})`.as("target_url"),
	endpointState: sql<typeof endpoints.$inferSelect.state | null>`${endpoints.state}`.as("endpoint_state"),
	state: deliveries.state,
	reason: deliveries.reason,
	attempts: deliveries.attempts,
	nextAttemptAt: deliveries.nextAttemptAt,
	claimId: deliveries.claimId,
	laneNotBefore: lanes.notBefore,
	createdAt: deliveries.createdAt,
	endedAt: deliveries.endedAt,
	firstFailedAt: sql<
		number | null
	>`(SELECT min(a.started_at) FROM ${attempts} a WHERE a.delivery_id = ${deliveries.id} AND a.outcome = 'failed')`.as("first_failed_at"),
};
const selected = () =>
	q
		.select(columns)
		.from(deliveries)
		.innerJoin(jobs, eq(jobs.id, deliveries.jobId))
		.leftJoin(endpoints, eq(endpoints.id, deliveries.target))
		.leftJoin(lanes, eq(lanes.id, deliveries.laneId));

/** Said as the index of undelivered rows says it. */
const UNDELIVERED = sql`${deliveries.state} NOT IN ('delivered', 'superseded')`;
export type DeliveryFilter = "job" | "endpoint" | "status" | "undelivered";
type FilterSlots = Slots<{ job: string; endpoint: string; status: (typeof deliveries.$inferSelect)["state"] }>;

/** `status` says which state; `undelivered` goes with every status that is a kind of it. */
export const deliveriesBy = byFilters((given: ReadonlySet<DeliveryFilter>) =>
	compile((p: PageSlots & FilterSlots) => {
		const filters: (SQL | undefined)[] = [eq(deliveries.appId, p.app), inPage(deliveries.id, p)];
		if (given.has("job")) filters.push(eq(deliveries.jobId, p.job));
		if (given.has("endpoint")) filters.push(eq(deliveries.target, p.endpoint));
		if (given.has("undelivered")) filters.push(UNDELIVERED);
		if (given.has("status")) filters.push(eq(deliveries.state, p.status));
		return selected()
			.where(and(...filters))
			.orderBy(desc(deliveries.id))
			.limit(sql.placeholder("rows"));
	}),
);

export const deliveryById = compile((p: Slots<One>) => selected().where(and(eq(deliveries.appId, p.app), eq(deliveries.id, p.delivery))));

export const attemptsOfDelivery = compile((p: Slots<One>) =>
	q
		.select({
			id: attempts.id,
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
		.where(and(eq(attempts.appId, p.app), eq(attempts.deliveryId, p.delivery)))
		.orderBy(asc(attempts.n)),
);

/** What can be sent: its event's body is still kept, and its endpoint, if it goes to one, takes deliveries. */
const SENDABLE = sql`EXISTS (SELECT 1 FROM ${events} e WHERE e.id = ${deliveries}.event_id AND e.body <> '')
	AND NOT EXISTS (SELECT 1 FROM ${endpoints} ep WHERE ep.id = ${deliveries}.target AND ep.state <> 'enabled')`;
const dueNow = (states: string, reason: string) =>
	compileSql<One & { now: number }, { id: string }>(
		["id"],
		(p) => sql`UPDATE ${deliveries} SET state = 'pending', reason = ${sql.raw(`'${reason}'`)}, failures = 0, next_attempt_at = ${p.now},
			armed_at = ${p.now}, ended_at = NULL
		WHERE app_id = ${p.app} AND id = ${p.delivery} AND claim_id IS NULL AND state IN (${sql.raw(states)}) AND ${SENDABLE} RETURNING id`,
	);
/** Due now, with a fresh budget. */
export const retryNow = dueNow("'pending', 'held', 'exhausted', 'stopped'", "retried");
export const replayNow = dueNow("'delivered', 'exhausted', 'stopped', 'superseded'", "replayed");
