import { newId } from "../../../src/core/ids.ts";
import type { Bound, Db } from "../../../src/db/db.ts";
import { insertRow } from "../../../src/db/insert.ts";
import { events, jobs } from "../../../src/db/schema.ts";
import { fanOut } from "../../../src/outbound/fanout.ts";

const insert = { job: insertRow(jobs), event: insertRow(events) };
const REST = {
	...{ provider: "deapi", type: "txt2img", model: "Flux1schnell", state: "completed" as const, submissionId: "", revision: 1 },
	...{ eventId: null, input: "{}", inputBlob: null, metadata: null, webhookSecret: null, webhookEvents: null },
	...{ errorCode: null, errorMessage: null, startedAt: null },
};

/** A job that ends at each of these times and is told at its own URL. */
export async function feedJobs(db: Db, { appId, url }: { appId: string; url: string }, times: readonly number[]): Promise<void> {
	const work: Bound<unknown>[] = times.flatMap((at) => {
		const [eventId, id] = [newId("evt", at), newId("job", at)];
		const { makes, rest } = fanOut({ eventId, appId, jobId: id, terminal: true, now: at, target: { appId, url, ownSecret: false } });
		return [
			insert.job.bind({ id, appId, ...REST, webhookUrl: url, createdAt: at, endedAt: at }),
			insert.event.bind({ id: eventId, appId, jobId: id, type: "job.completed", revision: 1, body: "{}", createdAt: at }),
			...makes,
			...rest,
		];
	});
	await db.batch(work);
}
