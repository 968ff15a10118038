import { nonce } from "../../core/ids.ts";
import type { RowOf } from "../../db/db.ts";
import type { Deps, Due } from "../../deps.ts";
import * as sql from "./sql.ts";

const PAUSE_MS = 1000;
const DISABLED_MS = 60_000;
/** Looks at stretches with nothing to recover, in one step. */
const LOOKS = 10;

type Ports = Pick<Deps, "db" | "clock" | "config" | "log">;
type Standing = RowOf<typeof sql.standing>;

/**
 * One step of a recovery, if it is due: at most `RECOVER_PER_S` deliveries, the oldest first, are due again, unless as many
 * of the lane wait already. Any number of processes may try: one of them does it. Returns what the step made due, the next
 * step among it; nothing where it was not due, somebody else did it, or it was the last one.
 */
export async function stepRecovery(deps: Ports, recovery: string): Promise<Due[]> {
	const now = deps.clock.now();
	const { recoverPerS: most } = deps.config;
	const [at] = await deps.db.read(sql.standing.bind({ recovery, now, most }));
	if (at === undefined || at.nextStepAt > now) return [];
	if (at.endpointState === "deleted") {
		const [canceled] = await deps.db.batch([sql.cancel.bind({ recovery, now })]);
		if (canceled.length > 0)
			deps.log.info({ app: at.app, recovery, endpoint: at.endpoint, reason: "endpoint_deleted" }, "recovery.canceled");
		return [];
	}
	const until = notBefore(at, most, now);
	if (until === null) return recover(deps, recovery, at, now);
	const [put] = await deps.db.batch([sql.putOff.bind({ recovery, cursor: at.cursor, now, until })]);
	return put.map(({ id }) => ({ kind: "recovery", id, at: until }));
}

/** Null: now. */
function notBefore({ endpointState, waiting, laneOpensAt }: Standing, most: number, now: number): number | null {
	if (endpointState === "disabled") return now + DISABLED_MS;
	if (waiting < most) return null;
	return Math.max(now + PAUSE_MS, Math.min(laneOpensAt, now + DISABLED_MS)); // while its lane rests nothing leaves it
}

async function recover(deps: Ports, recovery: string, at: Standing, now: number): Promise<Due[]> {
	const { endpoint, cursor } = at;
	const { to, found, over } = await window(deps, at);
	// nothing found and not at the end: the next look is no window, and comes at once
	const nextStepAt = over ? null : now + (found > 0 ? PAUSE_MS : 0);
	const step = { recovery, endpoint, cursor, after: cursor, to, now, next: `${to} ${nonce()}` };
	const [, moved, due] = await deps.db.batch([
		sql.holdEndpoint.bind({ endpoint }),
		sql.moveOn.bind({ ...step, state: over ? "finished" : "running", nextStepAt, endedAt: over ? now : null }),
		sql.rearm.bind({ ...step, found }),
	]);
	const [row] = moved;
	if (row === undefined) return [];
	deps.log.info(
		{ app: at.app, recovery, endpoint, due: due.length, ...row, next_step_at: nextStepAt },
		over ? "recovery.finished" : "recovery.stepped",
	);
	const first = due.slice(0, deps.config.laneConcurrency).map(({ id }) => ({ kind: "delivery" as const, id, at: now }));
	return nextStepAt === null ? first : [...first, { kind: "recovery", id: recovery, at: nextStepAt }];
}

/** Its last id, how many can be recovered up to it, and whether nothing is left behind it. */
async function window(deps: Ports, { endpoint, cursor, to }: Standing) {
	const { recoverPerS: most } = deps.config;
	let after = cursor;
	for (let look = 0; look < LOOKS; look++) {
		const [piece] = await deps.db.read(sql.nextPiece.bind({ endpoint, after, to, most }));
		const { seen = 0, last = null, found = 0, edge = null } = piece ?? {};
		if (found === most && edge !== null) return { to: edge, found, over: false };
		if (seen < sql.PIECE || last === null) return { to, found, over: true };
		if (found > 0) return { to: last, found, over: false };
		after = last;
	}
	return { to: after, found: 0, over: false };
}
