import { and, asc, desc, eq, type SQL, sql } from "drizzle-orm";
import { compile, compileSql, q, type Slots } from "../../db/compile.ts";
import { byFilters, type PageSlots, type PageValues } from "../../db/page.ts";
import { attempts, deliveries, endpoints, events, jobs, lanes } from "../../db/schema.ts";
import { openAt } from "../../lanes/pace.ts";

type State = (typeof deliveries.$inferSelect)["state"];

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
	laneOpensAt: sql<number | null>`${openAt("lanes")}`.as("lane_opens_at"),
	laneReason: sql<string | null>`${lanes.reason}`.as("lane_reason"),
	createdAt: deliveries.createdAt,
	endedAt: deliveries.endedAt,
	firstFailedAt: sql<
		number | null
	>`(SELECT min(a.started_at) FROM ${attempts} a WHERE a.delivery_id = ${deliveries.id} AND a.outcome = 'failed')`.as("first_failed_at"),
};
/** Deliveries as they are shown, with their address and what their lane waits for. An operator's event is of no job. */
export const shown = (ids: SQL) =>
	q
		.select(columns)
		.from(deliveries)
		.innerJoin(sql`(${ids}) AS page`, sql`page.id = ${deliveries.id}`)
		.leftJoin(jobs, eq(jobs.id, deliveries.jobId))
		.leftJoin(endpoints, eq(endpoints.id, deliveries.target))
		.leftJoin(lanes, eq(lanes.id, deliveries.laneId));

export type DeliveryFilter = "job" | "endpoint" | "undelivered" | State;
type Given = ReadonlySet<DeliveryFilter>;
type FilterSlots = PageSlots & Slots<{ job: string; endpoint: string; look: number }>;

/** In the words of the partial indexes. The one by endpoint has no room for a job's own URL. */
const PENDING = sql` AND d.state = 'pending'`;
const PENDING_WITH_ENDPOINT = sql` AND d.state = 'pending' AND d.target <> 'job'`;
const TROUBLED = sql` AND d.state IN ('held', 'exhausted', 'stopped')`;
const UNDELIVERED: readonly State[] = ["pending", "held", "exhausted", "stopped"];
/** No index knows these: nearly every delivery comes to one, and each index would be one more write of its way. */
export const UNINDEXED: readonly (DeliveryFilter | undefined)[] = ["delivered", "superseded"] satisfies State[];

/**
 * So many rows of an index from the page's edge on, whatever they are; those that are asked for come first, and the rest is
 * dropped behind the limit: however rare they are, no more is read. Compared and sorted as one row, so that only an index of
 * just these columns has them in order, and no guess about how many there are leads to another one.
 */
function stretch(columns: string[], values: SQL[], p: FilterSlots, limit: SQL, words = sql``): SQL {
	const key = [...columns, "id"].map((name) => sql.raw(`d.${name}`));
	const order = sql.join(
		key.map((column) => sql`${column} DESC`),
		sql`, `,
	);
	return sql`(SELECT d.id, d.app_id, d.target, d.state FROM ${deliveries} d
		WHERE (${sql.join(key, sql`, `)}) < (${sql.join([...values, p.before], sql`, `)})${words} ORDER BY ${order} LIMIT ${limit}) r`;
}

/** What has not arrived is merged from the newest of each state: whatever their shares, a few pages are read. */
function stretchesOf(given: Given, p: FilterSlots): SQL[] {
	const byEndpoint = given.has("endpoint");
	const [column, value] = byEndpoint ? ["target", p.endpoint] : ["app_id", p.app];
	const states = statesOf(given);
	// all deliveries of a job are few; the limit only keeps the conditions on them out, and so the indexes of states
	if (given.has("job"))
		return [
			sql`(SELECT d.id, d.app_id, d.target, d.state FROM ${deliveries} d WHERE d.app_id = ${p.app} AND d.job_id = ${p.job} AND d.id < ${p.before} LIMIT 1000000) r`,
		];
	if (states.length === 0) return [stretch([column], [value], p, p.rows)];
	return states.map((state) => {
		if (state === "pending") return stretch([column], [value], p, p.rows, byEndpoint ? PENDING_WITH_ENDPOINT : PENDING);
		if (UNINDEXED.includes(state)) return stretch([column], [value], p, p.look);
		return stretch([column, "state"], [value, sql.raw(`'${state}'`)], p, p.rows, TROUBLED);
	});
}
const statesOf = (given: Given): readonly State[] =>
	given.has("undelivered")
		? UNDELIVERED
		: [...given].filter((filter): filter is State => filter !== "job" && filter !== "endpoint" && filter !== "undelivered");

const askedFor = (given: Given, p: FilterSlots, states: readonly State[]) =>
	sql.join(
		[
			sql`r.app_id = ${p.app} AND r.id >= ${p.from}`,
			...(given.has("endpoint") ? [sql`r.target = ${p.endpoint}`] : []),
			...(states.length > 0 ? [sql.raw(`r.state IN (${states.map((state) => `'${state}'`).join()})`)] : []),
		],
		sql` AND `,
	);

/** Rows of one page and one more. A plain number: of a bound limit PostgreSQL guesses a tenth of the table, and joins all of it. */
export const MOST_ROWS = 1001;

/** One page, newest first. Of the states without an index it finds those among the newest `look` deliveries. */
export const deliveriesBy = byFilters((given: Given) =>
	compile((p: FilterSlots) => {
		const several = stretchesOf(given, p);
		const parts = several.map((from, i) => {
			const states = several.length > 1 ? statesOf(given).slice(i, i + 1) : statesOf(given);
			return sql`SELECT r.id FROM ${from} WHERE ${askedFor(given, p, states)}`;
		});
		const merged = sql`SELECT u.id FROM (${sql.join(parts, sql` UNION ALL `)}) u ORDER BY u.id DESC LIMIT ${p.rows}`;
		return shown(sql`SELECT m.id FROM (${merged}) m LIMIT ${sql.raw(String(MOST_ROWS))}`).orderBy(desc(deliveries.id));
	}),
);

/** The oldest of those `look` deliveries; nothing where there are fewer. */
export const edgeOfLook = byFilters((given: Given) =>
	compileSql<PageValues & { job: string; endpoint: string; look: number; skip: number }, { id: string }>(["id"], (p) => {
		const [column, value] = given.has("endpoint") ? ["target", p.endpoint] : ["app_id", p.app];
		return sql`SELECT r.id FROM ${stretch([column], [value], p, sql`1 OFFSET ${p.skip}`)} WHERE ${askedFor(given, p, [])}`;
	}),
);

export const deliveryById = compile((p: Slots<One>) =>
	shown(sql`SELECT id FROM ${deliveries} WHERE app_id = ${p.app} AND id = ${p.delivery}`),
);

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
