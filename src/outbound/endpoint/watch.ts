import { and, asc, eq, lte, sql } from "drizzle-orm";
import { compile, compileSql, q, type Slots } from "../../db/compile.ts";
import type { Bound, RowOf } from "../../db/db.ts";
import { attempts, deliveries, endpoints } from "../../db/schema.ts";
import type { Deps } from "../../deps.ts";
import { alone } from "../../lanes/alone.ts";
import { disabledNotice, failingNotice, recoveredNotice } from "../notices/facts.ts";
import { type Notice, tellNotices, workOf } from "../notices/notice.ts";
import { disabledAtTheEarliest, judge } from "./judge.ts";
import { disabledByFailures } from "./switch.ts";

/** Endpoints whose failures are to be looked at. */
export const toJudge = compile((p: Slots<{ now: number; most: number }>) =>
	q
		.select({
			id: endpoints.id,
			appId: endpoints.appId,
			url: endpoints.url,
			state: endpoints.state,
			retry: endpoints.retry,
			succeededAt: endpoints.succeededAt,
			failingSince: endpoints.failingSince,
			failedAt: endpoints.failedAt,
			failures: endpoints.failures,
			failingDeliveries: endpoints.failingDeliveries,
			noticedSince: endpoints.noticedSince,
		})
		.from(endpoints)
		.where(and(sql`judge_at IS NOT NULL`, lte(endpoints.judgeAt, p.now)))
		.orderBy(asc(endpoints.judgeAt))
		.limit(sql.placeholder("most")),
);
type Row = RowOf<typeof toJudge>;

/** What is as it was seen: a success since then has the last word. */
const AS_SEEN = (p: { endpoint: unknown; since: unknown }) => sql`id = ${p.endpoint} AND coalesce(failing_since, 0) = ${p.since}`;
export const judgeAgainAt = compileSql<{ endpoint: string; since: number; until: number | null }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${endpoints} SET judge_at = ${p.until} WHERE ${AS_SEEN(p)} RETURNING id`,
);
/** `noticed`: the failing that the operator knows of from now on; null: none. */
export const noticedAs = compileSql<{ endpoint: string; since: number; noticed: number | null; until: number | null }, { id: string }>(
	["id"],
	(p) =>
		sql`UPDATE ${endpoints} SET noticed_since = ${p.noticed}, judge_at = ${p.until} WHERE ${AS_SEEN(p)} AND state <> 'deleted' RETURNING id`,
);

/** Why its last attempt failed, of a delivery that waits. */
export const lastReason = compile((p: Slots<{ endpoint: string }>) =>
	q
		.select({ reason: attempts.reason })
		.from(attempts)
		.where(
			eq(
				attempts.deliveryId,
				sql`(SELECT d.id FROM ${deliveries} d WHERE d.lane_id = ${p.endpoint} AND d.next_attempt_at IS NOT NULL ORDER BY d.next_attempt_at DESC LIMIT 1)`,
			),
		)
		.orderBy(sql`n DESC`)
		.limit(1),
);

/** Looks after endpoints that fail: tells the operator, disables them in the end, tells when they are well again. */
export async function watchEndpoints(deps: Deps, most = 100): Promise<void> {
	const now = deps.clock.now();
	for (const row of await deps.db.read(toJudge.bind({ now, most })))
		await alone(deps, { endpoint: row.id }, () => (row.state === "enabled" ? judgeOne(deps, row, now) : forget(deps, row)));
}

const seen = (row: Row) => ({ endpoint: row.id, since: row.failingSince ?? 0 });

/** One that is not enabled is judged no more. */
async function forget({ db }: Deps, row: Row): Promise<void> {
	await db.batch([judgeAgainAt.bind({ ...seen(row), until: null })]);
}

async function judgeOne(deps: Deps, row: Row, now: number): Promise<void> {
	const { config, db } = deps;
	const about = { app: row.appId, endpoint: row.id, url: row.url, now };
	const { succeededAt, failures } = row;
	const failingSince = row.failingSince ?? 0;
	const verdict = judge(row, config, now);
	switch (verdict.kind) {
		case "wait":
			await db.batch([judgeAgainAt.bind({ ...seen(row), until: verdict.until })]);
			return;
		case "failing": {
			const disableAt = disabledAtTheEarliest(failingSince, config);
			const [last] = await db.read(lastReason.bind({ endpoint: row.id }));
			const fact = { ...about, failingSince, succeededAt, failures, reason: last?.reason ?? null, disableAt };
			return tell(deps, [noticedAs.bind({ ...seen(row), noticed: failingSince, until: disableAt })], failingNotice(fact));
		}
		case "recovered":
			return tell(
				deps,
				[noticedAs.bind({ ...seen(row), noticed: null, until: null })],
				recoveredNotice({ ...about, failingSince: row.noticedSince ?? 0 }),
			);
		case "disable": {
			const reason = "failing";
			const work = disabledByFailures({ ...about, reason, since: failingSince });
			return tell(deps, work, disabledNotice({ ...about, reason, failingSince, succeededAt, failures }));
		}
	}
}

async function tell(deps: Deps, work: Bound<unknown>[], notice: Notice): Promise<void> {
	const results = await deps.db.batch<Bound<unknown>[]>([...work, ...workOf([notice])]);
	tellNotices(deps, [notice], results);
}
