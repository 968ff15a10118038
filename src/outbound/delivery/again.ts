import type { Stmt } from "../../db/db.ts";
import type { Deps } from "../../deps.ts";
import { JobhookError } from "../../errors.ts";
import { jobOf } from "../notices/types.ts";
import { type Row, shownDelivery } from "./read.ts";
import * as sql from "./sql.ts";

/**
 * Makes a delivery that has not arrived due now, with a fresh budget. Null when this app has none of that id; throws
 * `not_possible` with the reason where it cannot be.
 */
export const retryDelivery = (deps: Deps, appId: string, id: string) => again(deps, appId, id, RETRY);

/** Sends a settled delivery once more, also one that has arrived: the same id, the same bytes, the next attempt number. */
export const replayDelivery = (deps: Deps, appId: string, id: string) => again(deps, appId, id, REPLAY);

interface Way {
	write: Stmt<{ app: string; delivery: string; now: number }, { id: string }>;
	line: string;
	/** Why a state is not for this way. */
	wrong: Partial<Record<Row["state"], string>>;
}
const RETRY: Way = {
	write: sql.retryNow,
	line: "delivery.retried",
	wrong: {
		delivered: "it was delivered; a replay sends it once more",
		superseded: "the job's end has overtaken it; a replay sends it all the same",
	},
};
const NOT_SETTLED = "it is not settled yet; a retry makes it due now";
const REPLAY: Way = { write: sql.replayNow, line: "delivery.replayed", wrong: { pending: NOT_SETTLED, held: NOT_SETTLED } };

async function again(deps: Deps, app: string, delivery: string, way: Way) {
	const now = deps.clock.now();
	const at = { app, delivery };
	const [written, [row]] = await deps.db.batch([way.write.bind({ ...at, now }), sql.deliveryById.bind(at)]);
	if (row === undefined) return null;
	if (written.length === 0) throw new JobhookError("not_possible", objection(row, way));
	deps.log.info({ app, job: jobOf(row.eventType, row.jobId), delivery, event: row.eventId }, way.line);
	deps.wake({ kind: "delivery", id: delivery, at: now });
	return shownDelivery(row, now);
}

/** The row is read in the batch of the write, so it is the one that refused it. */
function objection(row: Row, { wrong }: Way): string {
	if (row.claimId !== null) return "an attempt of it is under way; wait until that one is settled";
	if (wrong[row.state] !== undefined) return wrong[row.state] ?? "";
	if (row.endpointState === "deleted") return "its endpoint was deleted";
	if (row.endpointState === "disabled") return "its endpoint is disabled; enable it, and all that is held for it is sent";
	return "what it would send is not kept any more";
}
