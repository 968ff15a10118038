import { and, desc, eq, type SQL, sql } from "drizzle-orm";
import { compile, compileSql, q, type Slots } from "../../db/compile.ts";
import { insertWhere } from "../../db/insert.ts";
import { inPage, type PageSlots } from "../../db/page.ts";
import { deliveries, endpoints, events, jobs, lanes, recoveries } from "../../db/schema.ts";
import { closeBreaker } from "../../lanes/breaker.ts";
import { openAt } from "../../lanes/pace.ts";

/** Index entries of each state that one look reads, and one count. In the text, for PostgreSQL plans for a tenth of the table where it does not know. */
export const PIECE = 1000;
export const COUNTED = 3000;

interface Stretch {
	endpoint: string;
	after: string;
	to: string;
}
/** One that is on its first way comes by itself, and one that its receiver refused for good is not sent again. */
const OK = {
	pending: "CASE WHEN failures > 0 AND claim_id IS NULL THEN 1 ELSE 0 END",
	stopped: "CASE WHEN reason = 'receiver_aborted' THEN 0 ELSE 1 END",
	exhausted: "1",
} as const;
const among = (p: Slots<Stretch>, state: "exhausted" | "stopped" | "pending", upTo: SQL, most: SQL) => {
	const index = state === "pending" ? "target <> 'job'" : "state IN ('held', 'exhausted', 'stopped')"; // in the words of the index
	const ok = OK[state];
	return sql`SELECT * FROM (SELECT id, event_id, ${sql.raw(ok)} AS ok FROM ${deliveries}
		WHERE target = ${p.endpoint} AND state = ${sql.raw(`'${state}'`)} AND ${sql.raw(index)} AND id > ${p.after} AND ${upTo}
		ORDER BY id ${most}) AS ${sql.raw(`of_${state}`)}`;
};
/** What has not arrived of a stretch, and whatever else its indexes hold, with `ok` 0. */
const waiting = (p: Slots<Stretch>, upTo: SQL, most: SQL) =>
	sql.join(
		(["exhausted", "stopped", "pending"] as const).map((state) => among(p, state, upTo, most)),
		sql` UNION ALL `,
	);
/** Its body is kept, and the job's end has not overtaken it. */
const KEPT = (event: SQL) => sql`EXISTS (SELECT 1 FROM ${events} e WHERE e.id = ${event} AND e.body <> ''
	AND (e.type <> 'job.processing' OR NOT EXISTS (SELECT 1 FROM ${jobs} j WHERE j.id = e.job_id AND j.ended_at IS NOT NULL)))`;

/**
 * The next piece of a stretch: how many index entries it has (fewer than `size`: the stretch ends in it), the last one's id,
 * and of those that can be recovered the first `most`: how many, and the last one's id.
 */
const pieceOf = (size: number) =>
	compileSql<Stretch & { most: number }, { seen: number; last: string | null; found: number; edge: string | null }>(
		["seen", "last", "found", "edge"],
		(p) => {
			const limit = sql.raw(`LIMIT ${size}`);
			return sql`WITH piece AS (SELECT * FROM (${waiting(p, sql`id < ${p.to}`, limit)}) AS every_one ORDER BY id ${limit}),
			found AS (SELECT id FROM piece WHERE ok = 1 AND ${KEPT(sql`piece.event_id`)} ORDER BY id LIMIT ${p.most})
		SELECT (SELECT count(*) FROM piece) AS seen, (SELECT max(id) FROM piece) AS last_id, (SELECT count(*) FROM found) AS found,
			(SELECT max(id) FROM found) AS edge`;
		},
	);
export const nextPiece = pieceOf(PIECE);
export const countPiece = pieceOf(COUNTED);

export interface Standing {
	recovery: string;
	now: number;
}
/** Where a recovery stands, and how many due deliveries of its lane nobody has taken, counted up to `most`. */
export const standing = compileSql<
	Standing & { most: number },
	{
		app: string;
		endpoint: string;
		cursor: string;
		to: string;
		nextStepAt: number;
		endpointState: string;
		laneOpensAt: number;
		waiting: number;
	}
>(
	["app", "endpoint", "cursor", "to", "nextStepAt", "endpointState", "laneOpensAt", "waiting"],
	(p) => sql`SELECT r.app_id, r.endpoint_id, r.cursor, r.to_id, r.next_step_at, ep.state, coalesce(${openAt("l")}, 0) AS opens_at, (
			SELECT count(*) FROM (SELECT 1 AS one FROM ${deliveries} d WHERE d.lane_id = r.endpoint_id AND d.next_attempt_at IS NOT NULL
				AND d.next_attempt_at <= ${p.now} AND d.claim_id IS NULL LIMIT ${p.most}) AS due
		) AS waiting
		FROM ${recoveries} r JOIN ${endpoints} ep ON ep.id = r.endpoint_id LEFT JOIN ${lanes} l ON l.id = r.endpoint_id
		WHERE r.id = ${p.recovery} AND r.state = 'running' AND r.next_step_at IS NOT NULL`,
);

interface Step extends Stretch, Standing {
	/** As it was read: a cursor ends in a token, so that of two who do the same step one finds it moved. */
	cursor: string;
	next: string;
}
const WINDOW = (p: Slots<Step>) => sql`SELECT w.id, row_number() OVER (ORDER BY w.id) AS place
	FROM (${waiting(p, sql`id <= ${p.to}`, sql.raw(""))}) AS w WHERE w.ok = 1 AND ${KEPT(sql`w.event_id`)}`;

/** First in the batch: on PostgreSQL steps and switches of one endpoint come one after the other. */
export const holdEndpoint = compileSql<{ endpoint: string }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${endpoints} SET state = state WHERE id = ${p.endpoint} AND state = 'enabled' RETURNING id`,
);
/** Claims the step. Whoever comes second, late, or after the endpoint was switched changes nothing. */
export const moveOn = compileSql<
	Step & { state: "running" | "finished"; nextStepAt: number | null; endedAt: number | null },
	{ recovered: number; total: number }
>(
	["recovered", "total"],
	(p) => sql`UPDATE ${recoveries} SET cursor = ${p.next}, recovered = recovered + (SELECT count(*) FROM (${WINDOW(p)}) AS found),
			state = ${p.state}, next_step_at = ${p.nextStepAt}, ended_at = ${p.endedAt}
		WHERE id = ${p.recovery} AND state = 'running' AND cursor = ${p.cursor} AND next_step_at <= ${p.now}
			AND EXISTS (SELECT 1 FROM ${endpoints} ep WHERE ep.id = ${p.endpoint} AND ep.state = 'enabled')
		RETURNING recovered, total`,
);
/** Those of the window are due, in the order in which they were made. */
export const rearm = compileSql<Step & { found: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${deliveries} SET state = 'pending', reason = 'recovered', failures = 0, armed_at = ${p.now}, ended_at = NULL,
			next_attempt_at = CAST(${p.now} AS bigint) - CAST(${p.found} AS bigint) + ranked.place
		FROM (${WINDOW(p)}) AS ranked
		WHERE ${deliveries}.id = ranked.id AND ${deliveries}.claim_id IS NULL
			AND (${deliveries}.state IN ('exhausted', 'stopped') OR (${deliveries}.state = 'pending' AND ${deliveries}.failures > 0))
			AND EXISTS (SELECT 1 FROM ${recoveries} r WHERE r.id = ${p.recovery} AND r.cursor = ${p.next})
		RETURNING ${deliveries}.id`,
);
/** Not now. */
export const putOff = compileSql<Standing & { cursor: string; until: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${recoveries} SET next_step_at = ${p.until}
		WHERE id = ${p.recovery} AND state = 'running' AND cursor = ${p.cursor} AND next_step_at <= ${p.now} RETURNING id`,
);

/** Only where the endpoint is (still) enabled. */
export const insertRecovery = insertWhere<typeof recoveries>(
	recoveries,
	(p) =>
		sql`FROM ${endpoints} WHERE ${endpoints.id} = ${p.endpointId} AND ${endpoints.appId} = ${p.appId} AND ${endpoints.state} = 'enabled'`,
);
/** Behind it: whoever asks for a recovery has seen to the receiver, and it is tried at once. */
export const endRest = compileSql<{ endpoint: string; recovery: string }, { id: string }>(["id"], (p) =>
	closeBreaker(sql`EXISTS (SELECT 1 FROM ${recoveries} r WHERE r.id = ${p.recovery})`, p.endpoint),
);
export const cancel = compileSql<{ recovery: string; now: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${recoveries} SET state = 'canceled', next_step_at = NULL, ended_at = ${p.now}
		WHERE id = ${p.recovery} AND state = 'running' RETURNING id`,
);

/** Steps that are due, the one that has waited longest first; and when the first one is, due or not. */
export const dueSteps = compileSql<{ now: number; most: number }, { id: string }>(
	["id"],
	(p) =>
		sql`SELECT id FROM ${recoveries} WHERE next_step_at IS NOT NULL AND next_step_at <= ${p.now} ORDER BY next_step_at LIMIT ${p.most}`,
);
export const firstStep = compileSql<unknown, { at: number }>(
	["at"],
	() => sql`SELECT next_step_at AS at FROM ${recoveries} WHERE next_step_at IS NOT NULL ORDER BY next_step_at LIMIT 1`,
);

const columns = {
	id: recoveries.id,
	endpointId: recoveries.endpointId,
	state: recoveries.state,
	fromId: recoveries.fromId,
	toId: recoveries.toId,
	total: recoveries.total,
	recovered: recoveries.recovered,
	createdAt: recoveries.createdAt,
	endedAt: recoveries.endedAt,
};
export const recoveryById = compile((p: Slots<{ app: string; endpoint: string; recovery: string }>) =>
	q
		.select(columns)
		.from(recoveries)
		.where(and(eq(recoveries.appId, p.app), eq(recoveries.endpointId, p.endpoint), eq(recoveries.id, p.recovery))),
);
export const recoveriesOf = compile((p: PageSlots & Slots<{ endpoint: string }>) =>
	q
		.select(columns)
		.from(recoveries)
		.where(and(eq(recoveries.appId, p.app), eq(recoveries.endpointId, p.endpoint), inPage(recoveries.id, p)))
		.orderBy(desc(recoveries.id))
		.limit(sql.placeholder("rows")),
);
