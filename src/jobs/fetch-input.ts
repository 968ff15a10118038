import { blobKey } from "../core/blobs.ts";
import type { HttpAnswer } from "../core/http.ts";
import { newId } from "../core/ids.ts";
import { retryAfterMs } from "../core/retry-after.ts";
import type { Deps } from "../deps.ts";
import { isUnavailable, JobhookError } from "../errors.ts";
import { keepFile } from "../files/keep.ts";
import type { StoredFile } from "../files/stored.ts";
import { dispatchLane, type FileField } from "../providers/provider.ts";
import { inputOf } from "./blobs.ts";
import { endSubmission } from "./end.ts";
import { type FailedFetch, stopFetch, triedAgain } from "./fetch-again.ts";
import { holding } from "./hold.ts";
import { isTerminal } from "./job.ts";
import { fileFieldsOf, isOf } from "./named-files.ts";
import { filesOfJob, insertFetchedFile } from "./sql/files.ts";
import { type Claimed, inputFetched } from "./sql/work.ts";

type Outcome = { kind: "fetched" } | ({ kind: "failed" } & FailedFetch);

/** Fetches the files that a job names by URL; then it waits to be sent. Nothing has left for the provider yet, so all of it may be repeated. */
export async function fetchInput(deps: Deps, claimed: Claimed): Promise<void> {
	const { id: submission, claimId: claim, jobId, accountId, type } = claimed;
	const startedAt = deps.clock.now();
	if (isTerminal(claimed.jobState)) return stopFetch(deps, claimed);
	const overdue = startedAt > claimed.acceptedSince + deps.config.dispatchDeadlineMs; // a fetch that nobody lived to finish
	const outcome = overdue ? givenUp("not_in_time") : await holding(deps, claimed, () => fetchAll(deps, claimed));
	const now = deps.clock.now();
	deps.log.info({ job: jobId, submission, ...withKind(outcome), ms: now - startedAt }, "input.fetched");
	if (outcome.kind === "failed") return later(deps, claimed, outcome);
	await deps.db.batch([inputFetched.bind({ submission, claim, lane: dispatchLane(accountId, type), now })]);
	deps.wake({ kind: "submission", id: submission, at: now });
}

const withKind = (outcome: Outcome) => ({ outcome: outcome.kind, ...(outcome.kind === "failed" ? { reason: outcome.reason } : {}) });

/** One after the other; what is here already is not fetched again. */
async function fetchAll(deps: Deps, claimed: Claimed): Promise<Outcome> {
	try {
		const input = await inputOf(deps, claimed);
		const here = new Set((await deps.db.read(filesOfJob.bind({ job: claimed.jobId }))).map(({ field }) => field));
		for (const field of fileFieldsOf(claimed)) {
			const url = input?.[field.field];
			if (typeof url !== "string" || here.has(field.field)) continue;
			const outcome = await fetchOne(deps, claimed, field, url);
			if (outcome.kind === "failed") return outcome;
		}
		return { kind: "fetched" };
	} catch (e) {
		if (isUnavailable(e)) return { kind: "failed", reason: "not_kept", retryAfterMs: null };
		if (e instanceof JobhookError && e.code === "payload_too_large") return givenUp("too_large");
		deps.log.error({ submission: claimed.id, err: e }, "input.broke"); // a fault of ours: its hour runs all the same
		return { kind: "failed", reason: "internal", retryAfterMs: null };
	}
}

const givenUp = (reason: string, message?: string): Outcome => ({
	kind: "failed",
	reason,
	retryAfterMs: null,
	hopeless: true,
	...(message === undefined ? {} : { message }),
});

async function fetchOne(deps: Deps, claimed: Claimed, { field, media }: FileField, url: string): Promise<Outcome> {
	const { appId, jobId, id: submission, claimId: claim } = claimed;
	const now = deps.clock.now();
	const id = newId("file", now);
	let file: StoredFile | null = null;
	const answer = await deps.http({
		method: "GET",
		url,
		headers: { accept: `${media}/*, */*;q=0.1`, "accept-encoding": "identity", "user-agent": "jobhook/0.1" },
		deadlineMs: deps.config.transferDeadlineMs,
		keepBytes: 0,
		reach: "public",
		take: async (_, chunks) => {
			const at = { id, key: blobKey("files", { id, app: appId }, now), name: nameIn(url), claims: null };
			file = await keepFile(deps, at, chunks, deps.config.fileMaxBytes);
		},
	});
	const kept = file as StoredFile | null; // TypeScript does not see that it was called
	if (answer.kind === "failed")
		return { kind: "failed", reason: `${field}_${answer.reason}`, retryAfterMs: null, hopeless: answer.reason === "address_refused" };
	if (kept === null || answer.status !== 200) return refused(deps, field, answer);
	if (!isOf(media, kept.contentType))
		return givenUp(`${field}_is_no_${media}`, `input.${field} must be of type ${media}; what its URL gives is ${kept.contentType}`);
	const { id: fileId, ...facts } = kept;
	await deps.db.batch([insertFetchedFile.bind({ ...facts, fileId, jobId, field, appId, submission, claim })]);
	return { kind: "fetched" };
}

/** What a host says of the URL itself stays so; a redirect is not followed. */
function refused(deps: Deps, field: string, { status, headers }: HttpAnswer & { kind: "response" }): Outcome {
	const retry = retryAfterMs(headers["retry-after"], deps.clock.now(), deps.config.retryAfterCapMs);
	const lasting = status < 500 && ![408, 425, 429].includes(status);
	return { kind: "failed", reason: `${field}_http_${status}`, retryAfterMs: retry, hopeless: lasting };
}

function nameIn(url: string): string | null {
	const last = URL.canParse(url) ? (new URL(url).pathname.split("/").at(-1) ?? "") : "";
	return last === "" ? null : last.slice(-255);
}

async function later(deps: Deps, claimed: Claimed, failed: Outcome & { kind: "failed" }): Promise<void> {
	if (await triedAgain(deps, claimed, failed)) return;
	const when = failed.hopeless ? "" : " within an hour";
	const message = failed.message ?? `a file of this job could not be fetched from its URL${when}; the last answer: ${failed.reason}`;
	return endSubmission(deps, claimed, { state: "not_taken", code: "input_unavailable", message });
}
