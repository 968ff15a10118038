import type { Bound } from "../db/db.ts";
import type { Ground, Known } from "./move.ts";
import * as sql from "./sql/finish.ts";

type Hold = Parameters<typeof sql.holdJobAlone.bind>[0];
type Change = Parameters<typeof sql.moveJobAlone.bind>[0];
/** `guarded` says whether the batch took place: it returned the job's row, or nothing was written. */
export interface Opening {
	before: Bound<unknown>[];
	guarded: Bound<unknown>;
	after: Bound<unknown>[];
}

/** What a batch about `known` requires to be unchanged. */
export const holdOf = (known: Known, token: string): Hold => ({
	job: known.jobId,
	from: known.state,
	revision: known.revision,
	token: known.token,
	submission: known.submissionId,
	submissionState: known.submissionState,
	phase: known.phase,
	event: token,
});

/** The statements that open a batch which moves a job: the guarded move, with the row it rests on. */
export function openMove(ground: Ground, known: Known, move: Change): Opening {
	switch (ground.kind) {
		case "receipt":
			return { before: [], guarded: sql.moveJobOnNewReceipt.bind({ ...move, ...keyOf(ground) }), after: rowsOf(ground, known, move) };
		case "orphan":
			return { before: [], guarded: sql.moveJobOnOrphan.bind({ ...move, receipt: ground.receiptId }), after: rowsOf(ground, known, move) };
		case "withdrawn": {
			const { submission, job, token, now } = move;
			const withdrawn = { ...move, submissionState: "not_taken", phase: "poll" };
			return {
				before: [sql.withdrawSubmission.bind({ submission, job, token, reason: ground.reason, now })],
				guarded: sql.moveJobAlone.bind(withdrawn),
				after: [],
			};
		}
		case "fetched":
		case "own":
			return { before: [], guarded: sql.moveJobAlone.bind(move), after: [] };
	}
}

type Told = Extract<Ground, { kind: "receipt" | "orphan" }>;

/** The same for a job that stays in its state. */
export function openHold(ground: Told, known: Known, hold: Hold): Opening {
	const guarded =
		ground.kind === "receipt"
			? sql.holdJobOnNewReceipt.bind({ ...hold, ...keyOf(ground) })
			: sql.holdJobOnOrphan.bind({ ...hold, receipt: ground.receiptId });
	return { before: [], guarded, after: rowsOf(ground, known, hold) };
}

const keyOf = ({ receipt }: Extract<Ground, { kind: "receipt" }>) => ({
	provider: receipt.provider,
	account: receipt.accountId,
	delivery: receipt.deliveryId,
});

function rowsOf(ground: Told, known: Known, { job, event }: { job: string; event: string }): Bound<unknown>[] {
	const at = { job, event };
	if (ground.kind === "orphan")
		return [sql.orphanOfMove.bind({ ...at, receipt: ground.receiptId, app: known.appId, submission: known.submissionId })];
	const whose = { appId: known.appId, jobId: known.jobId, submissionId: known.submissionId };
	return [sql.receiptOfMove.bind({ ...ground.receipt, ...whose, ...at, outcome: "applied" })];
}
