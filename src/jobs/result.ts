import { accountById } from "../access/accounts.ts";
import type { Deps } from "../deps.ts";
import { PROVIDERS } from "../providers/index.ts";
import { refreshResult, resultOfJob } from "./sql/read.ts";

/** A provider's link lives about a day; one this young is passed on as it is. */
const FRESH_MS = 3_600_000;
/** After one that could not be read again. */
const RETRY_MS = 60_000;

/** Where a job's result is to be fetched now: the provider's link, read again when it has aged. Null: no result. */
export async function resultLocation(deps: Deps, jobId: string): Promise<string | null> {
	const [result] = await deps.db.read(resultOfJob.bind({ job: jobId }));
	if (result === undefined || result.providerUrl === null) return null;
	const now = deps.clock.now();
	const account = await accountById(deps, result.accountId);
	const provider = PROVIDERS[result.provider];
	const fresh = now - result.readAt < FRESH_MS;
	if (fresh || account === null || provider === undefined || result.providerJobId === null) return result.providerUrl;
	const answer = await provider.poll(deps.http, account, result.providerJobId, now);
	if (answer.kind !== "answered" || answer.news?.state !== "completed") {
		const retry = now - FRESH_MS + RETRY_MS; // the next visitor of this minute does not ask again
		await deps.db.batch([refreshResult.bind({ job: jobId, url: result.providerUrl, now: retry })]);
		return result.providerUrl;
	}
	await deps.db.batch([refreshResult.bind({ job: jobId, url: answer.news.resultUrl, now })]);
	return answer.news.resultUrl;
}
