import { accountById } from "../access/accounts.ts";
import type { ByteRange } from "../core/blobs.ts";
import type { RowOf } from "../db/db.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { takeTurn } from "../lanes/pace.ts";
import { PROVIDERS } from "../providers/index.ts";
import { pollLane } from "../providers/provider.ts";
import { readLong } from "./blobs.ts";
import { linkOf } from "./news.ts";
import { refreshResult, resultOfJob, stateOfJob } from "./sql/read.ts";

/** A provider's link lives about a day; one this young is passed on as it is. */
const FRESH_MS = 3_600_000;
/** After one that could not be read again. */
const RETRY_MS = 60_000;

/** A text or a file that is kept here, or where the file is to be fetched now. */
export type Result = { kind: "text"; text: string; contentType: string } | KeptFile | { kind: "link"; url: string };
interface KeptFile {
	kind: "file";
	contentType: string;
	sizeBytes: number;
	sha256: string;
	/** Null: it is gone. Throws `unavailable`, and so do the chunks. */
	read(range?: ByteRange): Promise<AsyncIterable<Uint8Array> | null>;
}

/** Null when this app has no job of that id, or its result is not kept any more; throws `not_possible` while it has none. */
export async function readResult(deps: Deps, appId: string, jobId: string): Promise<Result | null> {
	const [job] = await deps.db.read(stateOfJob.bind({ app: appId, job: jobId }));
	if (job === undefined) return null;
	if (job.state !== "completed") throw new JobhookError("not_possible", `this job has no result: it is ${job.state}`);
	return resultOf(deps, jobId);
}

/** For whoever has proven the right to read it. Null: no result. */
export async function resultOf(deps: Deps, jobId: string): Promise<Result | null> {
	const [row] = await deps.db.read(resultOfJob.bind({ job: jobId }));
	if (row === undefined) return null;
	const file = fileOf(deps, jobId, row);
	if (file !== null && (row.providerUrl === null || (await isThere(file)))) return file;
	const text = row.contentBlob === null ? row.content : await readLong(deps, row.contentBlob);
	if (text !== null) return { kind: "text", text, contentType: row.contentType ?? "text/plain; charset=utf-8" };
	if (row.providerUrl === null) return null;
	const url = linkOf(deps.config, row.provider, await freshLink(deps, jobId, row, row.providerUrl)); // the rules may have changed
	return url === null ? null : { kind: "link", url };
}

/** One that is gone is reached by the provider's link, where there is one. */
async function isThere(file: KeptFile): Promise<boolean> {
	const first = await file.read({ start: 0, end: 0 });
	for await (const _ of first ?? []) break;
	return first !== null;
}

function fileOf({ blobs, log }: Deps, job: string, row: RowOf<typeof resultOfJob>): KeptFile | null {
	const { contentBlob: blob, contentType, sizeBytes, sha256 } = row;
	if (blob === null || sizeBytes === null || sha256 === null) return null;
	const read = async (range?: ByteRange) => {
		const chunks = await blobs.read(blob, range);
		if (chunks === null) log.error({ job, blob }, "blob.gone");
		return chunks;
	};
	return { kind: "file", contentType: contentType ?? "application/octet-stream", sizeBytes, sha256, read };
}

/** The provider's link, read again when it has aged. */
async function freshLink(deps: Deps, job: string, row: RowOf<typeof resultOfJob>, old: string): Promise<string> {
	const now = deps.clock.now();
	if (now - row.readAt < FRESH_MS) return old;
	const account = await accountById(deps, row.accountId);
	const provider = PROVIDERS[row.provider];
	if (account === null || provider === undefined || row.providerJobId === null) return old;
	const [turn] = await deps.db.batch([takeTurn.bind({ lane: pollLane(account.id), now })]);
	if (turn.length === 0) return old; // the questions about running jobs go first
	const answer = await provider.poll(deps.http, account, row.providerJobId, now);
	const link =
		answer.kind === "answered" && answer.news?.state === "completed" ? linkOf(deps.config, row.provider, answer.news.resultUrl) : null;
	// after a failure the next visitor of this minute does not ask again
	const readAt = link === null ? now - FRESH_MS + RETRY_MS : now;
	await deps.db.batch([refreshResult.bind({ job, url: link ?? old, now: readAt })]);
	return link ?? old;
}
