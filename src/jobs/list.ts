import { type Page, valuesOf } from "../db/page.ts";
import type { Deps } from "../deps.ts";
import type { JobState } from "./job.ts";
import { showWithoutInput } from "./read.ts";
import { FILTERS, jobsPage } from "./sql/list.ts";

export interface JobFilters {
	state?: JobState | undefined;
	type?: string | undefined;
	provider?: string | undefined;
}

/** One page of an app's jobs, newest first, and one more if another page follows. */
export async function listJobs(
	deps: Pick<Deps, "db" | "secrets" | "publicUrl" | "config" | "clock">,
	appId: string,
	filters: JobFilters,
	page: Page,
) {
	const given = FILTERS.filter((name) => filters[name] !== undefined);
	const { state = "queued", type = "", provider = "" } = filters; // those that are not given are not in the statement
	const rows = await deps.db.read(jobsPage(given).bind({ ...valuesOf(appId, page), state, type, provider }));
	return rows.map((row) => showWithoutInput(deps, row));
}
