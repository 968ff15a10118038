import { expect } from "vitest";
import { isTerminal, type JobState } from "../../../src/jobs/job.ts";
import { receiptExists } from "../../../src/jobs/sql/finish.ts";
import { attemptsOfJob, deliveriesOfJob, eventsOfJob, jobById, receiptsOfJob, submissionsOfJob } from "../../../src/jobs/sql/read.ts";
import type { World } from "../../support/world.ts";
import { NOT_TAKEN, type Outcome } from "./steps.ts";

/** What one life has done so far. */
export interface Life {
	jobs: string[];
	urls: Map<string, string>;
	/** How many targets each event of a job has. */
	targets: Map<string, number>;
	/** Requests that left for the provider. */
	sends: { submission: string; outcome: Outcome }[];
	/** What hooks were answered. */
	answers: { authentic: boolean; status: number }[];
	/** Delivery ids of authentic hooks that arrived. */
	delivered: Set<string>;
	/** Rounds that wait for a slow answer. */
	running: Promise<unknown>[];
	/** The end of each job, as it was first seen. */
	ended: Map<string, string>;
	/** What clients asked for jobs, and how it was answered. */
	orders: { what: string; status: number }[];
	/** Jobs that someone had sent again though the send before may have been taken. */
	resubmitted: Set<string>;
}

async function rowsOf(world: World, job: string) {
	const at = { app: world.appId, job };
	const { db } = world.deps;
	const [[row], submissions, receipts, events, deliveries, attempts] = await Promise.all([
		db.read(jobById.bind(at)),
		db.read(submissionsOfJob.bind(at)),
		db.read(receiptsOfJob.bind(at)),
		db.read(eventsOfJob.bind(at)),
		db.read(deliveriesOfJob.bind(at)),
		db.read(attemptsOfJob.bind(at)),
	]);
	return { job: row!, submissions, receipts, events, deliveries, attempts };
}
type Rows = Awaited<ReturnType<typeof rowsOf>>;

/** Holds at any moment. */
export async function checkStep(world: World, life: Life): Promise<void> {
	for (const id of life.jobs) {
		const rows = await rowsOf(world, id);
		endStands(life, rows);
		eventsInOrder(rows);
		dueIffPending(rows);
		oneDeliveryForEachTarget(life, rows);
		sentOnce(life, rows);
		const open = !isTerminal(rows.job.state);
		if (open) expect(rows.submissions.at(-1)!.nextAttemptAt, "an open job has something due").not.toBe(null);
	}
	for (const { what, status } of life.orders) expect([200, 409, ...(what === "attach" ? [422] : [])], what).toContain(status);
	for (const { authentic, status } of life.answers) expect(status).toBe(authentic ? 200 : 401);
	for (const delivery of life.delivered)
		expect(await world.deps.db.read(receiptExists.bind({ provider: "deapi", account: "deapi:default", delivery }))).toHaveLength(1);
}

/** Holds when all has been healed for a hundred hours. */
export async function checkEnd(world: World, life: Life): Promise<void> {
	await checkStep(world, life);
	for (const id of life.jobs) {
		const rows = await rowsOf(world, id);
		expect(isTerminal(rows.job.state), "every accepted job ends").toBe(true);
		for (const row of rows.submissions) expect([row.nextAttemptAt, row.claimId], "nothing is left to do").toEqual([null, null]);
		for (const { state } of rows.deliveries) expect(["delivered", "superseded"]).toContain(state);
		for (const { id: delivery, attempts } of rows.deliveries) {
			const ns = rows.attempts.filter((attempt) => attempt.deliveryId === delivery).map(({ n }) => n);
			expect(ns.toSorted((a, b) => a - b)).toEqual(Array.from({ length: attempts }, (_, i) => i + 1));
		}
	}
}

function endStands(life: Life, { job, events }: Rows): void {
	const first = life.ended.get(job.id);
	if (first !== undefined) expect(`${job.state} ${job.endedAt} ${job.revision}`, "an end stands").toBe(first);
	else if (isTerminal(job.state)) life.ended.set(job.id, `${job.state} ${job.endedAt} ${job.revision}`);
	expect(events.at(-1)?.type, "the state is the last event's").toBe(
		job.state === "queued" || job.state === "submitted" ? undefined : `job.${job.state}`,
	);
}

function eventsInOrder({ job, events, receipts }: Rows): void {
	expect(events.map(({ revision }) => revision)).toEqual(Array.from({ length: job.revision }, (_, i) => i + 1));
	const ends = events.map(({ type }) => isTerminal(type.slice("job.".length) as JobState));
	expect(ends.indexOf(true), "an end is the last event").toBe(isTerminal(job.state) ? events.length - 1 : -1);
	const own = ["submission_unknown", "provider_lost", "provider_timeout", "not_dispatched", "provider_refused", "canceled"];
	const applied = receipts.filter(({ outcome }) => outcome === "applied").length;
	expect(applied, "each event rests on one receipt, or on our own account").toBe(
		events.length - (own.includes(job.errorCode ?? "") ? 1 : 0),
	);
}

function dueIffPending({ submissions, deliveries }: Rows): void {
	for (const { state, nextAttemptAt } of deliveries) expect(nextAttemptAt !== null).toBe(state === "pending");
	for (const { state, nextAttemptAt } of submissions) {
		if (state === "refused" || state === "not_taken" || state === "superseded") expect(nextAttemptAt).toBe(null);
		if (state === "pending" || state === "sending") expect(nextAttemptAt).not.toBe(null);
	}
}

function oneDeliveryForEachTarget(life: Life, { job, events, deliveries }: Rows): void {
	for (const event of events) {
		const targets = deliveries.filter(({ eventId }) => eventId === event.id).map(({ target }) => target);
		expect(new Set(targets).size).toBe(targets.length);
		expect(targets).toHaveLength(life.targets.get(job.id)!);
	}
}

/**
 * Guarantee 5: a submission is sent at most once, and followed by another only when it was certainly not taken, or when
 * someone asked for it.
 */
function sentOnce(life: Life, { job, submissions }: Rows): void {
	expect(submissions.map(({ n }) => n)).toEqual(submissions.map((_, i) => i + 1));
	const sends = submissions.map(({ id }) => life.sends.filter(({ submission }) => submission === id));
	for (const made of sends) expect(made.length).toBeLessThanOrEqual(1);
	for (const [i, made] of sends.slice(0, -1).entries())
		if (submissions[i]!.state === "superseded") expect(life.resubmitted).toContain(job.id);
		else expect(NOT_TAKEN).toContain(made[0]?.outcome);
}
