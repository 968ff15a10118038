import { and, desc, eq, sql } from "drizzle-orm";
import { compile, q, type Slots } from "../../db/compile.ts";
import { byFilters, inPage, type PageValues } from "../../db/page.ts";
import { jobs } from "../../db/schema.ts";

export const FILTERS = ["state", "type", "provider"] as const;
export type Filter = (typeof FILTERS)[number];
type Values = PageValues & { state: (typeof jobs.$inferSelect)["state"]; type: string; provider: string };

/** Without the input, which may be large: it is read with the job. */
const columns = {
	id: jobs.id,
	provider: jobs.provider,
	type: jobs.type,
	model: jobs.model,
	state: jobs.state,
	revision: jobs.revision,
	metadata: jobs.metadata,
	webhookUrl: jobs.webhookUrl,
	webhookEvents: jobs.webhookEvents,
	errorCode: jobs.errorCode,
	errorMessage: jobs.errorMessage,
	createdAt: jobs.createdAt,
	startedAt: jobs.startedAt,
	endedAt: jobs.endedAt,
};

/** Written so that SQLite takes the index with the state: of two plain ranges it prefers the shorter index. */
const inPageOfState = (p: Slots<Values>) =>
	sql`(${jobs.state}, ${jobs.id}) < (${p.state}, ${p.before}) AND (${jobs.state}, ${jobs.id}) >= (${p.state}, ${p.from})`;

export const jobsPage = byFilters((given: ReadonlySet<Filter>) =>
	compile((p: Slots<Values>) => {
		const byState = given.has("state");
		const others = (["type", "provider"] as const).flatMap((name) => (given.has(name) ? [eq(jobs[name], p[name])] : []));
		return q
			.select(columns)
			.from(jobs)
			.where(and(eq(jobs.appId, p.app), byState ? inPageOfState(p) : inPage(jobs.id, p), ...others))
			.orderBy(...(byState ? [desc(jobs.state)] : []), desc(jobs.id))
			.limit(sql.placeholder("rows"));
	}),
);
