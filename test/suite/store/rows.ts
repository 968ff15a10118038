import { sql } from "drizzle-orm";
import { loadConfig } from "../../../src/config.ts";
import { compileSql } from "../../../src/db/compile.ts";
import type { Bound, Db } from "../../../src/db/db.ts";
import { insertRow } from "../../../src/db/insert.ts";
import { apps, deliveries, events, jobs, type lanes, submissions } from "../../../src/db/schema.ts";
import * as work from "../../../src/jobs/sql/work.ts";
import { pendingSubmission } from "../../../src/jobs/submission.ts";
import type { Claimer } from "../../../src/lanes/claim.ts";
import { newLane } from "../../../src/lanes/lane.ts";
import * as outbound from "../../../src/outbound/sql.ts";

export type App = typeof apps.$inferSelect;
const insertApp = insertRow(apps);
export const appRow = (id: string, over: Partial<App> = {}) =>
	insertApp.bind({ id, name: id, callbackSecret: "sealed", oldSecrets: null, createdAt: 1, ...over });
const appIds = compileSql<unknown, { id: string }>(["id"], () => sql`SELECT id FROM ${apps} ORDER BY id`);
export const idsOf = async (db: Db): Promise<string[]> => (await db.read(appIds.bind({}))).map(({ id }) => id);

export const jobRow = (id: string, over: Partial<typeof jobs.$inferSelect> = {}): typeof jobs.$inferSelect => ({
	id,
	appId: "app",
	provider: "deapi",
	type: "txt2img",
	model: "Flux1schnell",
	state: "queued",
	submissionId: "sub",
	revision: 0,
	eventId: null,
	input: "{}",
	inputBlob: null,
	metadata: null,
	webhookUrl: "https://receiver.example.com/hooks",
	webhookSecret: null,
	webhookEvents: null,
	errorCode: null,
	errorMessage: null,
	createdAt: 1,
	startedAt: null,
	endedAt: null,
	...over,
});

/** One of the two tables that are claimed, with the statements that write a claimed row again. */
export interface Kind {
	claimer(): Claimer<{ id: string; laneId: string; claimId: string }>;
	row(id: string, lane: string, dueAt: number): Bound<unknown>;
	/** The last write of a row, under the fence of its claim. */
	settle(row: { id: string; claimId: string }, now: number): Bound<{ id: string }>;
	/** Rows whose lease ran out, and how one is given back. */
	expired(now: number): Bound<{ id: string; claimId: string }>;
	giveBack(row: { id: string; claimId: string }, now: number): Bound<{ id: string }>;
}

const insertDelivery = insertRow(deliveries);
const insertSubmission = insertRow(submissions);
const bare = { appId: "app", jobId: "job" };

export const KINDS: Record<"deliveries" | "submissions", Kind> = {
	deliveries: {
		claimer: outbound.deliveryClaimer,
		row: (id, laneId, nextAttemptAt) =>
			insertDelivery.bind({
				...{ id, ...bare, eventId: "evt", eventType: "job.completed", target: id, state: "pending", laneId, nextAttemptAt },
				...{ claimId: null, claimedAt: null, attempts: 0, failures: 0, reason: null, armedAt: 1, createdAt: 1, endedAt: null },
			}),
		settle: ({ id, claimId }, now) => outbound.delivered.bind({ delivery: id, claim: claimId, reason: "acknowledged", now, spent: 0 }),
		expired: (now) => outbound.expiredClaims.bind({ now, most: 500 }),
		giveBack: ({ id, claimId }, now) =>
			outbound.retryLater.bind({ delivery: id, claim: claimId, reason: "interrupted", now, spent: 0, at: now }),
	},
	submissions: {
		claimer: work.submissionClaimer,
		row: (id, laneId, dueAt) => {
			const send = pendingSubmission({ id, ...bare, provider: "deapi", accountId: "deapi:default", type: "txt2img", n: 1, at: 1, dueAt });
			return insertSubmission.bind({ ...send, laneId, state: "accepted", phase: "poll", providerJobId: id });
		},
		settle: ({ id, claimId }, now) => work.stopPolling.bind({ submission: id, claim: claimId, now }),
		expired: (now) => work.expiredClaims.bind({ now, most: 500 }),
		giveBack: ({ id, claimId }, now) => work.releaseRepeatable.bind({ submission: id, claim: claimId, now }),
	},
};

/** The rows that claimed ones are read with. */
export const parents = (): Bound<unknown>[] => [
	appRow("app"),
	insertRow(jobs).bind(jobRow("job")),
	insertRow(events).bind({ id: "evt", ...bare, type: "job.completed", revision: 1, body: "{}", createdAt: 1 }),
];
export const laneRow = (id: string, maxInFlight: number | null, over: Partial<typeof lanes.$inferSelect> = {}) =>
	newLane({ id, kind: "url", maxInFlight, ...over });

/** A database with its clock in the test's hands; `add` writes any number of rows. */
export function ports(db: Db, began: number) {
	let now = began;
	return {
		db,
		config: loadConfig({}),
		clock: { now: () => now },
		jump: (ms: number) => {
			now += ms;
		},
		add: async (rows: Bound<unknown>[]) => {
			for (let i = 0; i < rows.length; i += 100) await db.batch(rows.slice(i, i + 100));
		},
	};
}
export type Ports = ReturnType<typeof ports>;
