import { and, desc, eq, inArray, type SQL, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/sqlite-core";
import { iso } from "../core/clock.ts";
import { compile, q, type Slots } from "../db/compile.ts";
import { byFilters, inPage, type Page, type PageSlots, valuesOf } from "../db/page.ts";
import { events } from "../db/schema.ts";
import type { Deps } from "../deps.ts";
import { jobOf } from "./notices/types.ts";

const columns = { id: events.id, type: events.type, jobId: events.jobId, revision: events.revision, createdAt: events.createdAt };

/**
 * A job has few events, and its own index finds them. By app and id alone all of an app's would be looked at: so the page's
 * bounds are inside, and the app is compared in words that no index serves, else a plan that knows no values prefers them.
 */
const ofJob = alias(events, "of_job");

export const eventsBy = byFilters((given: ReadonlySet<"job" | "type">) =>
	compile((p: PageSlots & Slots<{ job: string; type: string }>) => {
		const inJob = q
			.select({ id: ofJob.id })
			.from(ofJob)
			.where(and(eq(ofJob.jobId, p.job), inPage(ofJob.id, p)));
		const filters: (SQL | undefined)[] = given.has("job")
			? [inArray(events.id, inJob), sql`${events.appId} || '' = ${p.app}`]
			: [eq(events.appId, p.app), inPage(events.id, p)];
		if (given.has("type")) filters.push(eq(events.type, p.type));
		return q
			.select(columns)
			.from(events)
			.where(and(...filters))
			.orderBy(desc(events.id))
			.limit(sql.placeholder("rows"));
	}),
);
export const eventById = compile((p: Slots<{ app: string; event: string }>) =>
	q
		.select({ ...columns, body: events.body })
		.from(events)
		.where(and(eq(events.appId, p.app), eq(events.id, p.event))),
);

/** The events of one page, and one more where another page follows. */
export async function listEvents(
	deps: Pick<Deps, "db">,
	appId: string,
	page: Page,
	wish: { job?: string | undefined; type?: string | undefined },
) {
	const given = (["job", "type"] as const).filter((name) => wish[name] !== undefined);
	const rows = await deps.db.read(eventsBy(given).bind({ ...valuesOf(appId, page), job: wish.job ?? "", type: wish.type ?? "" }));
	return rows.map(shown);
}

/** With the body that its callbacks carry. Null when this app has none of that id. */
export async function readEvent(deps: Pick<Deps, "db">, appId: string, id: string) {
	const [row] = await deps.db.read(eventById.bind({ app: appId, event: id }));
	if (row === undefined) return null;
	return { ...shown(row), body: row.body === "" ? null : (JSON.parse(row.body) as Record<string, unknown>) };
}

const shown = ({ id, type, jobId, revision, createdAt }: Pick<typeof events.$inferSelect, keyof typeof columns>) => ({
	id,
	type,
	job: jobOf(type, jobId),
	revision,
	created_at: iso(createdAt),
});
