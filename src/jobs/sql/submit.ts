import { and, eq, gt, lte, sql } from "drizzle-orm";
import { compile, q, type Slots } from "../../db/compile.ts";
import { insertRow, insertWhere } from "../../db/insert.ts";
import { idempotencyKeys, jobs, lanes, submissions } from "../../db/schema.ts";

export const insertJob = insertRow(jobs);
export const insertSubmission = insertRow(submissions);

export interface Keyed {
	keyApp: string;
	keyRoute: string;
	key: string;
	keyJob: string;
}
/** Only where this very request holds the key: a racer with the same key wrote its own job id there, or none. */
const fromOwnKey = (p: Slots<Keyed>) =>
	sql`FROM ${idempotencyKeys} WHERE ${idempotencyKeys.appId} = ${p.keyApp} AND ${idempotencyKeys.route} = ${p.keyRoute}
		AND ${idempotencyKeys.key} = ${p.key} AND ${idempotencyKeys.jobId} = ${p.keyJob}`;
export const insertJobOnKey = insertWhere<typeof jobs, Keyed>(jobs, fromOwnKey);
export const insertSubmissionOnKey = insertWhere<typeof submissions, Keyed>(submissions, fromOwnKey);
export const insertLaneOnKey = insertWhere<typeof lanes, Keyed>(lanes, (p) => sql`${fromOwnKey(p)} ON CONFLICT DO NOTHING`);

export const dropExpiredKey = compile((p: Slots<{ app: string; route: string; key: string; now: number }>) =>
	q
		.delete(idempotencyKeys)
		.where(
			and(
				eq(idempotencyKeys.appId, p.app),
				eq(idempotencyKeys.route, p.route),
				eq(idempotencyKeys.key, p.key),
				lte(idempotencyKeys.expiresAt, p.now),
			),
		)
		.returning({ jobId: idempotencyKeys.jobId }),
);
export const takeKey = insertRow(idempotencyKeys, { orIgnore: true });
export const holderOfKey = compile((p: Slots<{ app: string; route: string; key: string }>) =>
	q
		.select({ jobId: idempotencyKeys.jobId, fingerprint: idempotencyKeys.fingerprint })
		.from(idempotencyKeys)
		.where(and(eq(idempotencyKeys.appId, p.app), eq(idempotencyKeys.route, p.route), eq(idempotencyKeys.key, p.key))),
);
export const liveHolderOfKey = compile((p: Slots<{ app: string; route: string; key: string; now: number }>) =>
	q
		.select({ jobId: idempotencyKeys.jobId, fingerprint: idempotencyKeys.fingerprint })
		.from(idempotencyKeys)
		.where(
			and(
				eq(idempotencyKeys.appId, p.app),
				eq(idempotencyKeys.route, p.route),
				eq(idempotencyKeys.key, p.key),
				gt(idempotencyKeys.expiresAt, p.now),
			),
		),
);
