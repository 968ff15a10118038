import { iso, isoOrNull } from "../../core/clock.ts";
import { idAt, newId } from "../../core/ids.ts";
import type { RowOf } from "../../db/db.ts";
import { type Page, valuesOf } from "../../db/page.ts";
import type { Deps } from "../../deps.ts";
import { JobhookError } from "../../errors.ts";
import { alone } from "../../lanes/alone.ts";
import { readEndpoint } from "../endpoint/read.ts";
import * as sql from "./sql.ts";
import { stepRecovery } from "./step.ts";

/** Epoch milliseconds, `since <= made < until`. */
export interface Range {
	since: number;
	until: number;
}
/** What was made until now, at most. Null where there is nothing in between. */
export function rangeOf({ since, until }: { since: number; until?: number | undefined }, nowMs: number): Range | null {
	const range = { since, until: Math.min(until ?? nowMs, nowMs) };
	return range.since < range.until ? range : null;
}

/** Delivery ids begin with their time in 12 hex digits. */
const timeOf = (id: string) => iso(Number.parseInt(id.slice(4, 16), 16));

/**
 * How many deliveries of an endpoint a recovery of that range would send again. Null when this app has no such endpoint;
 * throws `not_possible` while it is disabled. It reads a piece at a time, so beside work under way it is an approximation.
 */
export async function countRecoverable(deps: Deps, appId: string, endpoint: string, range: Range) {
	const found = await readEndpoint(deps, appId, endpoint);
	if (found === null) return null;
	if (found.state === "disabled") throw notEnabled();
	const to = idAt("dlv", range.until);
	let total = 0;
	for (let after = idAt("dlv", range.since); ; ) {
		const [piece] = await deps.db.read(sql.countPiece.bind({ endpoint, after, to, most: sql.COUNTED }));
		total += piece?.found ?? 0;
		if (piece === undefined || piece.last === null || piece.seen < sql.COUNTED) break;
		after = piece.last;
	}
	return { endpoint, since: iso(range.since), until: iso(range.until), total };
}

/**
 * Begins to send again what has not arrived of a range, with a fresh budget: what is exhausted, stopped, or waits after a
 * failure, as far as its body is kept. A breaker that is open is closed. The rest is steps, `RECOVER_PER_S` a second. Null and throws like `countRecoverable`;
 * `total` is its count, `recovered` what was due again in the end.
 */
export async function recoverEndpoint(deps: Deps, appId: string, endpoint: string, range: Range): Promise<RecoveryView | null> {
	const counted = await countRecoverable(deps, appId, endpoint, range);
	if (counted === null) return null;
	const now = deps.clock.now();
	const [id, fromId] = [newId("rec", now), idAt("dlv", range.since)];
	const { total } = counted;
	const row = { id, appId, endpointId: endpoint, fromId, toId: idAt("dlv", range.until), cursor: fromId, total, recovered: 0 };
	const [inserted] = await deps.db.batch([
		sql.insertRecovery.bind({ ...row, state: "running", nextStepAt: now, createdAt: now, endedAt: null }),
		sql.endRest.bind({ endpoint, recovery: id }),
	]);
	if (inserted.length === 0) {
		if ((await readEndpoint(deps, appId, endpoint)) === null) return null;
		throw notEnabled();
	}
	deps.log.info({ app: appId, endpoint, recovery: id, total }, "recovery.began");
	const due = await alone(deps, { recovery: id }, () => stepRecovery(deps, id));
	deps.wake(...(due ?? [{ kind: "recovery" as const, id, at: now }]));
	return readRecovery(deps, appId, endpoint, id);
}
const notEnabled = () => new JobhookError("not_possible", "the endpoint is disabled: enable it first, and all that is held for it is sent");

/** Null when this endpoint has none of that id. */
export async function readRecovery(deps: Pick<Deps, "db">, app: string, endpoint: string, recovery: string) {
	const [row] = await deps.db.read(sql.recoveryById.bind({ app, endpoint, recovery }));
	return row === undefined ? null : shownRecovery(row);
}

/** The recoveries of one page, and one more where another page follows. Null when this app has no such endpoint. */
export async function listRecoveries(deps: Deps, app: string, endpoint: string, page: Page) {
	if ((await readEndpoint(deps, app, endpoint)) === null) return null;
	return (await deps.db.read(sql.recoveriesOf.bind({ ...valuesOf(app, page), endpoint }))).map(shownRecovery);
}

/** No further steps; what is due again stays so. Null when this endpoint has none of that id; throws `already_ended`. */
export async function cancelRecovery(deps: Deps, app: string, endpoint: string, recovery: string): Promise<RecoveryView | null> {
	const found = await readRecovery(deps, app, endpoint, recovery);
	if (found === null) return null;
	const [canceled] = await deps.db.batch([sql.cancel.bind({ recovery, now: deps.clock.now() })]);
	if (canceled.length === 0)
		throw new JobhookError(
			"already_ended",
			`this recovery has ended already; begin another one with POST /v1/endpoints/${endpoint}/recover`,
		);
	deps.log.info({ app, endpoint, recovery }, "recovery.canceled");
	return readRecovery(deps, app, endpoint, recovery);
}

/** A recovery as the API shows it. */
const shownRecovery = (row: RowOf<typeof sql.recoveryById>) => ({
	id: row.id,
	endpoint: row.endpointId,
	state: row.state,
	since: timeOf(row.fromId),
	until: timeOf(row.toId),
	total: row.total,
	recovered: row.recovered,
	created_at: iso(row.createdAt),
	ended_at: isoOrNull(row.endedAt),
});
export type RecoveryView = ReturnType<typeof shownRecovery>;
