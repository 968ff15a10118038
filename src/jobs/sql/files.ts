import { and, asc, eq, sql } from "drizzle-orm";
import { compile, q, type Slots } from "../../db/compile.ts";
import { insertRow, insertWhere } from "../../db/insert.ts";
import { idempotencyKeys, jobFiles, submissions } from "../../db/schema.ts";
import type { Keyed } from "./submit.ts";

const kept = {
	id: sql<string>`${jobFiles.fileId}`.as("kept_file_id"),
	name: jobFiles.name,
	contentType: jobFiles.contentType,
	sizeBytes: jobFiles.sizeBytes,
	sha256: jobFiles.sha256,
	blob: jobFiles.blob,
};

/** One that is gone, as a job of the app has known it. */
export const fileOnceUsed = compile((p: Slots<{ app: string; file: string }>) =>
	q
		.select(kept)
		.from(jobFiles)
		.where(and(eq(jobFiles.fileId, p.file), eq(jobFiles.appId, p.app)))
		.limit(1),
);
export const filesOfJob = compile((p: Slots<{ job: string }>) =>
	q
		.select({ field: jobFiles.field, ...kept })
		.from(jobFiles)
		.where(eq(jobFiles.jobId, p.job))
		.orderBy(asc(jobFiles.field)),
);

export const insertJobFile = insertRow(jobFiles);
/** With a job that an idempotency key guards. */
export const insertJobFileOnKey = insertWhere<typeof jobFiles, Keyed>(
	jobFiles,
	(p) => sql`FROM ${idempotencyKeys} WHERE ${idempotencyKeys.appId} = ${p.keyApp} AND ${idempotencyKeys.route} = ${p.keyRoute}
		AND ${idempotencyKeys.key} = ${p.key} AND ${idempotencyKeys.jobId} = ${p.keyJob}`,
);
/** One that was fetched from its URL, by whoever holds the submission. */
export const insertFetchedFile = insertWhere<typeof jobFiles, { submission: string; claim: string }>(
	jobFiles,
	(p) => sql`FROM ${submissions} WHERE ${submissions.id} = ${p.submission} AND ${submissions.claimId} = ${p.claim}
		AND ${submissions.phase} = 'input' ON CONFLICT DO NOTHING`,
);
