import { accountById } from "../access/accounts.ts";
import { canonicalJson } from "../core/canonical.ts";
import { sha256Hex } from "../core/hash.ts";
import { newId } from "../core/ids.ts";
import type { jobs, submissions } from "../db/schema.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { PROVIDERS } from "../providers/index.ts";
import { dispatchLane } from "../providers/provider.ts";
import type { EventType } from "./job.ts";
import { readJob } from "./read.ts";
import * as sql from "./sql/submit.ts";

export interface SubmitRequest {
	provider: string;
	type: string;
	model: string;
	input: Record<string, unknown>;
	webhookUrl: string | null;
	webhookSecret: string | null;
	webhookEvents: EventType[] | null;
	metadata: Record<string, unknown> | null;
}

/** Whose job it is, and the account of an imported key. */
export interface Owner {
	appId: string;
	accountId: string | null;
}

const ROUTE = "POST /v1/jobs";

/**
 * Records a job and its first submission; resolves when both are on disk.
 * With an idempotency key, a second equal request answers with the first one's job (`replayed`), a different one throws
 * `idempotency_conflict`; however many race, one job is made.
 */
export async function submit(deps: Deps, owner: Owner, request: SubmitRequest, key: string | null) {
	const { appId } = owner;
	const account = await accountById(deps, owner.accountId ?? `${request.provider}:default`);
	if (account === null)
		throw new JobhookError(
			"provider_not_configured",
			`no key for ${request.provider}: the operator sets ${request.provider.toUpperCase()}_API_KEY, or SANDBOX=1 to try without one`,
		);
	const rows = rowsOf(deps, appId, request, account.id);
	const replayed = key === null ? await insert(deps, rows) : await insertOnce(deps, rows, key, fingerprintOf(request));
	if (replayed === null) {
		deps.log.info({ app: appId, job: rows.job.id, provider: request.provider, type: request.type, model: request.model }, "job.accepted");
		deps.wake();
	}
	const job = await readJob(deps, appId, replayed ?? rows.job.id);
	if (job === null) throw new JobhookError("not_found", "the job of this idempotency key is no longer kept");
	return { job, replayed: replayed !== null };
}

interface Rows {
	job: typeof jobs.$inferSelect;
	submission: typeof submissions.$inferSelect;
}

async function insert(deps: Deps, { job, submission }: Rows): Promise<null> {
	await deps.db.batch([sql.insertJob.bind(job), sql.insertSubmission.bind(submission)]);
	return null;
}

/** The id of the job that already holds the key, or null when this request made one. */
async function insertOnce(deps: Deps, { job, submission }: Rows, key: string, fingerprint: string): Promise<string | null> {
	const at = { app: job.appId, route: ROUTE, key };
	const own = { keyApp: job.appId, keyRoute: ROUTE, key, keyJob: job.id };
	const expiresAt = job.createdAt + deps.config.idempotencyKeyMs;
	const [, , , , [holder]] = await deps.db.batch([
		sql.dropExpiredKey.bind({ ...at, now: job.createdAt }),
		sql.takeKey.bind({ appId: job.appId, route: ROUTE, key, fingerprint, jobId: job.id, expiresAt }),
		sql.insertJobOnKey.bind({ ...job, ...own }),
		sql.insertSubmissionOnKey.bind({ ...submission, ...own }),
		sql.holderOfKey.bind(at),
	]);
	if (holder === undefined || holder.jobId === job.id) return null;
	if (holder.fingerprint !== fingerprint)
		throw new JobhookError("idempotency_conflict", "this Idempotency-Key was used with another request; use a new key for a new job");
	return holder.jobId;
}

function rowsOf(deps: Deps, appId: string, request: SubmitRequest, accountId: string): Rows {
	const now = deps.clock.now();
	const job = newId("job", now);
	const submission = newId("sub", now);
	const { webhookSecret: secret, webhookEvents, metadata } = request;
	return {
		job: {
			id: job,
			appId,
			provider: request.provider,
			type: request.type,
			model: request.model,
			state: "queued",
			submissionId: submission,
			revision: 0,
			eventId: null,
			input: JSON.stringify(request.input),
			metadata: metadata && JSON.stringify(metadata),
			webhookUrl: request.webhookUrl,
			webhookSecret: secret && deps.secrets.seal(secret, { table: "jobs", column: "webhook_secret", row: job, app: appId }),
			webhookEvents: webhookEvents && JSON.stringify(webhookEvents),
			errorCode: null,
			errorMessage: null,
			createdAt: now,
			startedAt: null,
			endedAt: null,
		},
		submission: pendingSubmission({
			id: submission,
			appId,
			jobId: job,
			provider: request.provider,
			accountId,
			n: 1,
			at: now,
			laneId: dispatchLane(accountId, request.type),
		}),
	};
}

/** A submission that waits to be sent, due at once or `dueAt`. */
export function pendingSubmission(of: {
	id: string;
	appId: string;
	jobId: string;
	provider: string;
	accountId: string;
	laneId: string;
	n: number;
	at: number;
	dueAt?: number;
}): typeof submissions.$inferSelect {
	const { at, dueAt = at, ...rest } = of;
	return {
		...rest,
		state: "pending",
		phase: "send",
		nextAttemptAt: dueAt,
		claimId: null,
		claimedAt: null,
		providerJobId: null,
		reason: null,
		polls: 0,
		missing: 0,
		missingSince: null,
		fetchingSince: null,
		nudgedAt: 0,
		createdAt: at,
		sentAt: null,
		acceptedAt: null,
		endedAt: null,
	};
}

/** Types and providers this version knows, for the route's own words. */
export const knownTypes = (provider: string): string[] => Object.keys(PROVIDERS[provider]?.types ?? {});

const fingerprintOf = (request: SubmitRequest): string => sha256Hex(canonicalJson(request));
