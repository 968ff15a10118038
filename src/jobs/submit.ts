import { canonicalJson } from "../core/canonical.ts";
import { sha256Hex } from "../core/hash.ts";
import { newId } from "../core/ids.ts";
import { placeOfJobSecret } from "../core/places.ts";
import type { Bound, RowOf } from "../db/db.ts";
import type { jobFiles, jobs, submissions } from "../db/schema.ts";
import type { Deps } from "../deps.ts";
import { type Detail, JobhookError, mayBeWritten } from "../errors.ts";
import { laneRow, newLane } from "../lanes/lane.ts";
import { lookAgain } from "../lanes/look-again.ts";
import { PROVIDERS } from "../providers/index.ts";
import type { Account } from "../providers/provider.ts";
import { accountOf, type Owner } from "./account.ts";
import { isLong, keepLong } from "./blobs.ts";
import type { EventType } from "./job.ts";
import { objectionsTo } from "./limits.ts";
import type { Models } from "./models.ts";
import { type Inputs, inputLaneOf, inputsOf, sameBytes } from "./named-files.ts";
import { readJob, showJob } from "./read.ts";
import { insertJobFile, insertJobFileOnKey } from "./sql/files.ts";
import { stateOfJob } from "./sql/read.ts";
import * as sql from "./sql/submit.ts";
import { pendingSubmission } from "./submission.ts";

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

const ROUTE = "POST /v1/jobs";

/** A list of models that is older says no more of their limits. */
const LIMITS_HOLD_MS = 86_400_000;

/**
 * Records a job and its first submission; resolves when both are on disk.
 * With an idempotency key, a second equal request answers with the first one's job (`replayed`), a different one throws
 * `idempotency_conflict`; however many race, one job is made.
 */
export async function submit(deps: Deps, models: Models, owner: Owner, request: SubmitRequest, key: string | null) {
	const { appId } = owner;
	const account = await accountOf(deps, owner, request.provider);
	const inputs = await inputsOf(deps, appId, request);
	const details = [...inputs.details, ...(await objections(deps, models, account, request))];
	// a request that was taken once is answered as it was, whatever the models say by now
	if (details.length > 0 && (key === null || (await holderOf(deps, appId, key)) === null))
		throw new JobhookError("validation_failed", inWords(details), { details });
	const rows = rowsOf(deps, appId, request, account.id, inputs);
	const fingerprint = () => sha256Hex(canonicalJson({ ...request, input: sameBytes(request.input, inputs) }));
	const replayed = key === null ? await insert(deps, rows) : await insertOnce(deps, rows, key, fingerprint());
	if (replayed !== null) return { job: await heldBy(deps, appId, replayed), replayed: true };
	deps.log.info({ app: appId, job: rows.job.id, provider: request.provider, type: request.type, model: request.model }, "job.accepted");
	deps.wake({ kind: "submission", id: rows.submission.id, at: rows.job.createdAt });
	return { job: showJob(deps, rows.job, request.input), replayed: false }; // not read again: after the commit nothing may fail any more
}

/** As far as the provider's models are known; it judges for itself in any case. */
async function objections(deps: Deps, models: Models, account: Account, request: SubmitRequest): Promise<Detail[]> {
	const known = await models.peek(account);
	if (known === null || deps.clock.now() - known.readAt > LIMITS_HOLD_MS) return [];
	return objectionsTo(request, known.models, models.isFresh(known) && (PROVIDERS[request.provider]?.modelsAreAll ?? false));
}

const inWords = (details: Detail[]): string => details.map(({ field, message }) => `${field} ${message}`).join("; ");

type Holder = RowOf<typeof sql.liveHolderOfKey>;

async function holderOf(deps: Deps, app: string, key: string): Promise<Holder | null> {
	const [holder] = await deps.db.read(sql.liveHolderOfKey.bind({ app, route: ROUTE, key, now: deps.clock.now() }));
	return holder ?? null;
}

function jobOf(holder: Holder, fingerprint: string): string {
	if (holder.fingerprint === fingerprint) return holder.jobId;
	throw new JobhookError("idempotency_conflict", "this Idempotency-Key was used with another request; use a new key for a new job");
}

async function heldBy(deps: Deps, appId: string, jobId: string) {
	const job = await readJob(deps, appId, jobId);
	if (job === null) throw new JobhookError("not_found", "the job of this idempotency key is no longer kept");
	return job;
}

interface Rows {
	job: typeof jobs.$inferSelect;
	submission: typeof submissions.$inferSelect;
	files: (typeof jobFiles.$inferSelect)[];
	lanes: Parameters<typeof newLane>[0][];
}

/** A long input is on disk before the row that names it. It stays when the row is refused: D1 can lose the answer to what it wrote. */
async function withLongInput(deps: Deps, job: Rows["job"]): Promise<Rows["job"]> {
	const inputBlob = await keepLong(deps, "inputs", job, job.input);
	return inputBlob === null ? job : { ...job, input: "{}", inputBlob };
}

/** Without a key nobody can ask again: when the answer to the write is lost, the job is looked for. */
async function insert(deps: Deps, { job, submission, files, lanes }: Rows): Promise<null> {
	const work = [sql.insertJob.bind(await withLongInput(deps, job)), sql.insertSubmission.bind(submission)];
	try {
		await deps.db.batch<Bound<unknown>[]>([...lanes.map(newLane), ...work, ...files.map((file) => insertJobFile.bind(file))]);
	} catch (e) {
		if (!mayBeWritten(e)) throw e;
		const found = await lookAgain(() => deps.db.read(stateOfJob.bind({ app: job.appId, job: job.id })));
		if (found === null || found.length === 0) throw e;
	}
	return null;
}

/** The id of the job that already holds the key, or null when this request made one. */
async function insertOnce(deps: Deps, { job, submission, files, lanes }: Rows, key: string, fingerprint: string): Promise<string | null> {
	const held = isLong(job.input) ? await holderOf(deps, job.appId, key) : null; // then nothing is kept a second time
	if (held !== null) return jobOf(held, fingerprint);
	const at = { app: job.appId, route: ROUTE, key };
	const own = { keyApp: job.appId, keyRoute: ROUTE, key, keyJob: job.id };
	const expiresAt = job.createdAt + deps.config.idempotencyKeyMs;
	const [, , , , [holder]] = await deps.db.batch([
		sql.dropExpiredKey.bind({ ...at, now: job.createdAt }),
		sql.takeKey.bind({ appId: job.appId, route: ROUTE, key, fingerprint, jobId: job.id, expiresAt }),
		sql.insertJobOnKey.bind({ ...(await withLongInput(deps, job)), ...own }),
		sql.insertSubmissionOnKey.bind({ ...submission, ...own }),
		sql.holderOfKey.bind(at),
		...files.map((file) => insertJobFileOnKey.bind({ ...file, ...own })),
		...lanes.map((lane) => sql.insertLaneOnKey.bind({ ...laneRow(lane), ...own })),
	]);
	if (holder === undefined) throw new JobhookError("internal", "an idempotency key was taken and is not there");
	return holder.jobId === job.id ? null : jobOf(holder, fingerprint);
}

function rowsOf(deps: Deps, appId: string, request: SubmitRequest, accountId: string, inputs: Inputs): Rows {
	const now = deps.clock.now();
	const job = newId("job", now);
	const { type, provider } = request;
	const lane = inputLaneOf(appId, inputs);
	const submission = pendingSubmission({ appId, jobId: job, provider, accountId, type, n: 1, at: now, inputLane: lane?.id ?? null });
	const { webhookSecret: secret, webhookEvents, metadata } = request;
	return {
		job: {
			id: job,
			appId,
			provider,
			type,
			model: request.model,
			state: "queued",
			submissionId: submission.id,
			revision: 0,
			eventId: null,
			input: JSON.stringify(request.input),
			inputBlob: null,
			metadata: metadata && JSON.stringify(metadata),
			webhookUrl: request.webhookUrl,
			webhookSecret: secret && deps.secrets.seal(secret, placeOfJobSecret(appId, job)),
			webhookEvents: webhookEvents && JSON.stringify(webhookEvents),
			errorCode: null,
			errorMessage: null,
			createdAt: now,
			startedAt: null,
			endedAt: null,
		},
		submission,
		files: inputs.files.map(({ field, file: { id: fileId, ...facts } }) => ({ ...facts, fileId, field, jobId: job, appId })),
		lanes: lane === null ? [] : [lane],
	};
}
