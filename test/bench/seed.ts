import { sql } from "drizzle-orm";
import { ensureApp, ensureDefaultApp } from "../../src/access/apps.ts";
import { newId } from "../../src/core/ids.ts";
import { Secretbox } from "../../src/core/secretbox.ts";
import { compileSql } from "../../src/db/compile.ts";
import { insertRow } from "../../src/db/insert.ts";
import { deliveries, endpointEventTypes, events, jobs, lanes, submissions } from "../../src/db/schema.ts";
import { pendingSubmission } from "../../src/jobs/submission.ts";
import { newLane } from "../../src/lanes/lane.ts";
import { openDatabase } from "../../src/node/database.ts";
import { NO_RULES, stored } from "../../src/outbound/endpoint/rules.ts";
import { insertEndpoint } from "../../src/outbound/endpoint/sql.ts";

export const MASTER_KEY = Buffer.alloc(32, 7).toString("base64");
export const API_KEY = "bench-api-key-0123456789";
export const HOOK_SECRET = "bench-hook-secret-0123456789abcdef";
const CALLBACK_SECRET = `whsec_${Buffer.alloc(32, 9).toString("base64")}`;
const FAR = 4_102_444_800_000;

const insert = {
	job: insertRow(jobs),
	submission: insertRow(submissions),
	type: insertRow(endpointEventTypes),
	event: insertRow(events),
	delivery: insertRow(deliveries),
};
const openLane = compileSql<{ lane: string; at: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${lanes} SET not_before = ${p.at} WHERE id = ${p.lane} RETURNING id`,
);

/** Fills a database before the service starts on it. */
export async function seed(file: string) {
	const db = openDatabase({ databasePath: file });
	const secrets = new Secretbox([Buffer.from(MASTER_KEY, "base64")]);
	const clock = { now: () => Date.now() };
	const { id: defaultApp } = await ensureDefaultApp({ db, clock, secrets });
	const now = Date.now();
	let made = 0;

	return {
		app: async (name: string): Promise<string> => (await ensureApp({ db, clock, secrets }, name)).id,
		/** `paused`: its deliveries are made and not sent. */
		async endpoint(url: string, paused: boolean, appId = defaultApp): Promise<string> {
			const id = newId("ep", now);
			const secret = secrets.seal(CALLBACK_SECRET, { table: "endpoints", column: "secret", row: id, app: appId });
			await db.batch([
				newLane({ id, kind: "endpoint", appId, notBefore: paused ? FAR : 0 }),
				insertEndpoint.bind({ id, appId, url, description: null, secret, headers: null, ...stored(NO_RULES), createdAt: now }),
				insert.type.bind({ appId, eventType: "job.completed", endpointId: id }),
			]);
			return id;
		},
		/** When those that are paused go on. */
		openAt: (ids: readonly string[], at: number) => db.batch(ids.map((lane) => openLane.bind({ lane, at }))),
		/** Jobs that wait for their provider's hook; returns the provider's ids. */
		async runningJobs(count: number): Promise<string[]> {
			return (await this.jobsOf([defaultApp], count)).map(({ providerJobId }) => providerJobId);
		},
		/** The same, of these apps in turn. */
		async jobsOf(apps: readonly string[], count: number): Promise<{ app: string; job: string; providerJobId: string }[]> {
			return inChunks(count, (i) => {
				const app = apps[i % apps.length] ?? defaultApp;
				const { job, submission } = rows(app, now, i);
				return {
					result: { app, job: job.id, providerJobId: submission.providerJobId },
					work: [insert.job.bind(job), insert.submission.bind(submission)],
				};
			});
		},
		/** One more of them, by its submission: whoever has seen its hook address knows a live token. */
		async runningSubmission(): Promise<string> {
			const [id] = await inChunks(1, (i) => {
				const { job, submission } = rows(defaultApp, now, i);
				return { result: submission.id, work: [insert.job.bind(job), insert.submission.bind(submission)] };
			});
			return id ?? "";
		},
		/** Deliveries that are due, spread over the endpoints. */
		async dueDeliveries(count: number, endpointIds: readonly string[], body: string): Promise<void> {
			await inChunks(count, (i) => {
				const appId = defaultApp;
				const { job, submission } = rows(appId, now, i);
				const eventId = newId("evt", now);
				const target = endpointIds[i % endpointIds.length] ?? "";
				const of = { appId, jobId: job.id };
				const delivery = {
					id: newId("dlv", now),
					...of,
					eventId,
					eventType: "job.completed",
					target,
					laneId: target,
					state: "pending" as const,
				};
				const counters = {
					nextAttemptAt: now,
					claimId: null,
					claimedAt: null,
					attempts: 0,
					failures: 0,
					reason: null,
					armedAt: now,
					createdAt: now,
					endedAt: null,
				};
				return {
					result: i,
					work: [
						insert.job.bind({ ...job, state: "completed" }),
						insert.submission.bind({ ...submission, nextAttemptAt: null }),
						insert.event.bind({ id: eventId, ...of, type: "job.completed", revision: 2, body, createdAt: now }),
						insert.delivery.bind({ ...delivery, ...counters }),
					],
				};
			});
		},
		close: () => db.close(),
	};

	async function inChunks<T>(
		count: number,
		make: (i: number) => { result: T; work: Parameters<typeof db.batch>[0][number][] },
	): Promise<T[]> {
		const results: T[] = [];
		for (let from = 0; from < count; from += 200) {
			const chunk = Array.from({ length: Math.min(200, count - from) }, () => make(made++));
			results.push(...chunk.map(({ result }) => result));
			await db.batch(chunk.flatMap(({ work }) => work));
		}
		return results;
	}
}

function rows(appId: string, now: number, i: number) {
	const [jobId, id] = [newId("job", now), newId("sub", now)];
	const at = { appId, provider: "deapi" };
	const job = { id: jobId, ...at, type: "txt2img", model: "Flux1schnell", state: "processing" as const, submissionId: id, revision: 1 };
	const rest = { eventId: null, input: "{}", inputBlob: null, metadata: null, webhookUrl: null, webhookSecret: null, webhookEvents: null };
	const times = { errorCode: null, errorMessage: null, createdAt: now, startedAt: now, endedAt: null };
	const pending = pendingSubmission({
		id,
		...at,
		jobId,
		accountId: "deapi:default",
		type: "txt2img",
		n: 1,
		at: now,
		dueAt: FAR,
	});
	const submission = {
		...pending,
		laneId: "deapi:default/status",
		state: "accepted" as const,
		phase: "poll" as const,
		providerJobId: `prov-${i}`,
		sentAt: now,
		acceptedAt: now,
	};
	return { job: { ...job, ...rest, ...times }, submission };
}
