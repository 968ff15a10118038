import type { Config } from "../config.ts";
import { typeOf } from "../providers/index.ts";
import { contentLane, type News, pollLane } from "../providers/provider.ts";

interface Kind {
	provider: string;
	type: string;
}

/** The media type of a job's result where it is text; null where it is a file. */
export function textTypeOf(job: Kind) {
	const result = typeOf(job)?.result;
	return result?.kind === "text" ? result.contentType : null;
}

/** Whether the result is fetched before the job completes: text and bytes always, a file behind a link where copies are kept. */
export function fetchesFirst(config: Pick<Config, "keepResults">, job: Kind): boolean {
	const kind = typeOf(job)?.result.kind;
	return kind === "text" || kind === "bytes" || (kind === "link" && config.keepResults);
}

/** Files have a lane of their own, for they take their time; a text comes with the answer to a question, which is a poll. */
export const resultLane = (job: Kind & { accountId: string }): string =>
	typeOf(job)?.result.kind === "text" ? pollLane(job.accountId) : contentLane(job.accountId);

/** What news means for a job of this type: success without a link to the file is not the end of it yet. */
export function meaning(job: Kind, news: News | null): News | null {
	const unreachable = news?.state === "completed" && news.resultUrl === null && typeOf(job)?.result.kind === "link";
	return unreachable ? { state: "processing" } : news;
}
