import { iso, isoOrNull } from "../core/clock.ts";
import type { RowOf } from "../db/db.ts";
import type { Deps } from "../deps.ts";
import { nextOf } from "../outbound/delivery/read.ts";
import * as sql from "./sql/read.ts";

/** Everything that happened to a job, oldest first. Null when this app has none of that id. */
export async function readTimeline(deps: Pick<Deps, "db" | "clock">, app: string, job: string) {
	const at = { app, job };
	const [[found], submissions, receipts, events, deliveries, attempts] = await Promise.all([
		deps.db.read(sql.jobById.bind(at)),
		deps.db.read(sql.submissionsOfJob.bind(at)),
		deps.db.read(sql.receiptsOfJob.bind(at)),
		deps.db.read(sql.eventsOfJob.bind(at)),
		deps.db.read(sql.deliveriesOfJob.bind(at)),
		deps.db.read(sql.attemptsOfJob.bind(at)),
	]);
	if (found === undefined) return null;
	const entries = [
		{ at: found.createdAt, kind: "job" as const, what: "accepted" },
		...submissions.map(submissionEntry),
		...receipts.map(receiptEntry),
		...events.map((e) => ({ at: e.createdAt, kind: "event" as const, what: e.type, id: e.id, revision: e.revision })),
		...deliveries.map((d) => deliveryEntry(d, deps.clock.now())),
		...attempts.map(attemptEntry),
	];
	return entries.sort((a, b) => a.at - b.at).map((entry) => ({ ...entry, at: iso(entry.at) }));
}

const submissionEntry = (s: RowOf<typeof sql.submissionsOfJob>) => ({
	at: s.sentAt ?? s.createdAt,
	kind: "submission" as const,
	what: s.state,
	id: s.id,
	n: s.n,
	reason: s.reason,
	provider_job_id: s.providerJobId,
	polls: s.polls,
	accepted_at: isoOrNull(s.acceptedAt),
	next_at: s.claimId === null ? isoOrNull(s.nextAttemptAt) : null,
});

const receiptEntry = (r: RowOf<typeof sql.receiptsOfJob>) => ({
	at: r.receivedAt,
	kind: r.source,
	what: r.type,
	outcome: r.outcome,
	delivery_id: r.deliveryId,
});

const deliveryEntry = (d: RowOf<typeof sql.deliveriesOfJob>, nowMs: number) => ({
	at: d.createdAt,
	kind: "delivery" as const,
	what: d.state,
	id: d.id,
	event: d.eventId,
	event_type: d.eventType,
	target: d.target,
	url: d.url,
	attempts: d.attempts,
	reason: d.reason,
	...nextOf(d, nowMs),
	ended_at: isoOrNull(d.endedAt),
});

const attemptEntry = (a: RowOf<typeof sql.attemptsOfJob>) => ({
	at: a.startedAt,
	kind: "attempt" as const,
	what: a.outcome,
	id: a.id,
	delivery: a.deliveryId,
	n: a.n,
	reason: a.reason,
	status: a.status,
	duration_ms: a.durationMs,
	response: a.response,
	next_at: isoOrNull(a.nextAttemptAt),
});
