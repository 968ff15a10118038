import { PROVIDERS } from "../providers/index.ts";
import type { News } from "../providers/provider.ts";

/** The media type of a job's result where it is text, which is fetched before the job completes; null where it is a file. */
export const textOf = (job: { provider: string; type: string }) => PROVIDERS[job.provider]?.types[job.type]?.text ?? null;

/** What news means for a job of this type: success without a link to the file is not the end of it yet. */
export function meaning(job: { provider: string; type: string }, news: News | null): News | null {
	const unreachable = news?.state === "completed" && news.resultUrl === null && textOf(job) === null;
	return unreachable ? { state: "processing" } : news;
}
