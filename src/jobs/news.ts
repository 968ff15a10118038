import type { Config } from "../config.ts";
import { PROVIDERS, typeOf } from "../providers/index.ts";
import { contentLane, type News, pollLane } from "../providers/provider.ts";
import { usableLink } from "../providers/result-link.ts";

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

/** The provider's link to a result, where it is one to be kept and handed on; else null, and so for a provider that we do not know. */
export function linkOf(config: Config, provider: string, link: string | null): string | null {
	const known = PROVIDERS[provider];
	return known === undefined ? null : usableLink(config, known.settings(config).baseUrl, link);
}

/** What news means for a job of this type: success without a link to the file that may be followed is not the end of it yet. */
export function meaning(config: Config, job: Kind, news: News | null): News | null {
	if (news?.state !== "completed") return news;
	const resultUrl = linkOf(config, job.provider, news.resultUrl);
	return resultUrl === null && typeOf(job)?.result.kind === "link" ? { state: "processing" } : { ...news, resultUrl };
}
