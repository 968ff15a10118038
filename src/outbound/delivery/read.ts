import { iso, isoOrNull } from "../../core/clock.ts";
import type { RowOf } from "../../db/db.ts";
import { type Page, valuesOf } from "../../db/page.ts";
import type { Deps } from "../../deps.ts";
import { CLOSED_UNTIL } from "../endpoint/follow.ts";
import * as sql from "./sql.ts";

type Ports = Pick<Deps, "db" | "clock">;
export type Row = RowOf<typeof sql.deliveryById>;
type State = Row["state"];

export const STATES = ["pending", "delivered", "exhausted", "held", "stopped", "superseded"] as const satisfies State[];
/** A state, or all that has not arrived and that nothing has overtaken. */
export const STATUSES = [...STATES, "undelivered"] as const;

export interface DeliveryWish {
	status?: (typeof STATUSES)[number] | undefined;
	endpoint?: string | undefined;
	job?: string | undefined;
}

const ARRIVED_OR_OVERTAKEN: readonly State[] = ["delivered", "superseded"];

/** Where no index knows a state, so many deliveries are looked through for a page: few, which is enough for most, then many. */
const LOOKS = [500, 5000] as const;

/**
 * The deliveries of one page, and one more where another page follows. `rest`: not all was looked through, so the page may
 * be short; the list goes on before this id.
 */
export async function listDeliveries(deps: Ports, appId: string, page: Page, wish: DeliveryWish) {
	if (page.limit >= sql.MOST_ROWS) throw new RangeError(`a page of ${page.limit} deliveries is too long`);
	const { status, endpoint = "", job = "" } = wish;
	const whose: sql.DeliveryFilter[] = [];
	if (wish.job !== undefined) whose.push("job");
	if (wish.endpoint !== undefined) whose.push("endpoint");
	const given = status === undefined ? whose : [...whose, status];
	const values = { ...valuesOf(appId, page), job, endpoint };
	const read = async (look: number) =>
		(await deps.db.read(sql.deliveriesBy(given).bind({ ...values, look }))).map((row) => shownDelivery(row, deps.clock.now()));
	const rows = await read(LOOKS[0]);
	if (rows.length > page.limit || wish.job !== undefined || !sql.UNINDEXED.includes(status)) return { rows, rest: null };
	const more = await read(LOOKS[1]);
	// after the rows: what came meanwhile moves the edge up, and then the list goes on behind the last row that was seen
	const [edge] = await deps.db.read(sql.edgeOfLook(whose).bind({ ...values, look: 0, skip: LOOKS[1] - 1 }));
	const last = more.at(-1)?.id;
	return { rows: more, rest: edge === undefined ? null : last !== undefined && last < edge.id ? last : edge.id };
}

/** With all its attempts, the first one first. Null when this app has none of that id. */
export async function readDelivery(deps: Ports, appId: string, id: string) {
	const at = { app: appId, delivery: id };
	const [[row], attempts] = await Promise.all([deps.db.read(sql.deliveryById.bind(at)), deps.db.read(sql.attemptsOfDelivery.bind(at))]);
	return row === undefined ? null : { ...shownDelivery(row, deps.clock.now()), attempt_log: attempts.map(shownAttempt) };
}

/** A delivery as the API shows it. */
export function shownDelivery(row: Row, nowMs: number) {
	const trouble = !ARRIVED_OR_OVERTAKEN.includes(row.state);
	return {
		id: row.id,
		job: row.jobId.startsWith("job_") ? row.jobId : null,
		event: row.eventId,
		event_type: row.eventType,
		target: row.target,
		url: row.url,
		status: row.state,
		reason: row.reason,
		attempts: row.attempts,
		created_at: iso(row.createdAt),
		since: trouble ? iso(row.firstFailedAt ?? row.createdAt) : null,
		...nextOf(row, nowMs),
		ended_at: isoOrNull(row.endedAt),
	};
}

/**
 * When it is sent next: not before its lane opens. None is planned while an attempt is under way, nor in a lane that is closed.
 * `waits_for`: what keeps it beyond its own time.
 */
export function nextOf({ nextAttemptAt, claimId, laneNotBefore, laneOpensAt, laneReason }: Row, nowMs: number) {
	if (nextAttemptAt === null || claimId !== null || laneNotBefore === CLOSED_UNTIL) return { next_at: null, waits_for: null };
	const opensAt = laneOpensAt ?? 0;
	const waits = opensAt > nowMs && opensAt >= nextAttemptAt;
	const rests = (laneNotBefore ?? 0) === opensAt;
	return { next_at: iso(Math.max(nextAttemptAt, opensAt)), waits_for: waits ? (rests ? (laneReason ?? "pause") : "rate") : null };
}

const shownAttempt = (row: RowOf<typeof sql.attemptsOfDelivery>) => ({
	id: row.id,
	n: row.n,
	outcome: row.outcome,
	reason: row.reason,
	status: row.status,
	started_at: iso(row.startedAt),
	duration_ms: row.durationMs,
	response: row.response,
	next_at: isoOrNull(row.nextAttemptAt),
});
