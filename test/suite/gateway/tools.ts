import { sql } from "drizzle-orm";
import { hookToken } from "../../../src/core/hook-token.ts";
import type { HttpAnswer } from "../../../src/core/http.ts";
import { compileSql } from "../../../src/db/compile.ts";
import type { Bound } from "../../../src/db/db.ts";
import { deliveriesOfJob, eventsOfJob, submissionsOfJob } from "../../../src/jobs/sql/read.ts";
import { hookHeaders, phpJson } from "../../../src/sandbox/deapi/envelope.ts";
import { answer, GATEWAY, HOOK_SECRET, type Post, submitted, type World } from "../../support/world.ts";

export type HookEvent = "job.processing" | "job.completed" | "job.failed";
export const ACCOUNT_URL = `${GATEWAY}/hooks/deapi`;

export const submissionsOf = (world: World, job: string) => world.deps.db.read(submissionsOfJob.bind({ app: world.appId, job }));
export const deliveriesOf = (world: World, job: string) => world.deps.db.read(deliveriesOfJob.bind({ app: world.appId, job }));
export const eventsOf = async (world: World, job: string) =>
	(await world.deps.db.read(eventsOfJob.bind({ app: world.appId, job }))).map(({ type, revision }) => `${revision} ${type}`);

type Receipt = { outcome: string; source: string; type: string; jobId: string | null; body: string };
const allReceipts = compileSql<unknown, Receipt>(
	["outcome", "source", "type", "jobId", "body"],
	() => sql`SELECT outcome, source, type, job_id, body FROM receipts ORDER BY received_at, id`,
);
/** Also those that belong to no job, which no route shows. */
export const receipts = (world: World) => world.deps.db.read(allReceipts.bind({}));

type Lane = { notBefore: number; strikes: number; reason: string | null };
const laneById = compileSql<{ lane: string }, Lane>(
	["notBefore", "strikes", "reason"],
	(p) => sql`SELECT not_before, strikes, reason FROM lanes WHERE id = ${p.lane}`,
);
export async function laneOf(world: World, lane: string, account = "deapi:default"): Promise<Lane> {
	return (await world.deps.db.read(laneById.bind({ lane: `${account}/${lane}` })))[0]!;
}

const answered = compileSql<{ lane: string; ms: number; now: number }, never>(
	[],
	(p) => sql`UPDATE lanes SET clock_ms = clock_ms + ${p.ms}, heard_at = ${p.now} WHERE id = ${p.lane}`,
);
/** So much time passes, in which the provider answers questions about other jobs: deadlines run. */
export async function passAnswered(world: World, ms: number): Promise<void> {
	world.jump(ms);
	await world.deps.db.batch([answered.bind({ lane: "deapi:default/status", ms, now: world.now() })]);
}

/** What Cloudflare answers in deAPI's place to those who accept JSON. */
export const edgeError = (status: number, code = status) =>
	answer(status, {}, JSON.stringify({ status, error_code: code, cloudflare_error: true, retryable: true }));

export const tokenUrl = (world: World, submission: string) => `${ACCOUNT_URL}/${hookToken(world.deps.secrets, submission)}`;

/** A job that the provider took and has said nothing about: its time in the sandbox only runs in `world.pass`. */
export async function accepted(world: World, over: Record<string, unknown> = {}) {
	const job = await submitted(world, over);
	await world.run();
	const submission = (await submissionsOf(world, job)).at(-1)!;
	return { job, submission: submission.id, providerJob: submission.providerJobId!, url: tokenUrl(world, submission.id) };
}

export interface HookWish {
	url: string;
	providerJob: string;
	event: string;
	deliveryId?: string;
	data?: Record<string, unknown>;
	secret?: string;
	sign?: "right" | "wrong" | "none";
	/** When it says it was signed. */
	signedAt?: number;
}

/** A hook in deAPI's own bytes: PHP's escapes, its headers, its signature. */
export function hook(world: World, wish: HookWish): Post {
	const { url, providerJob, event, deliveryId = crypto.randomUUID(), secret = HOOK_SECRET, sign = "right" } = wish;
	const data = { job_request_id: providerJob, job_type: "txt2img", ...SAID[event], ...wish.data };
	const body = phpJson({ event, delivery_id: deliveryId, timestamp: new Date(world.now()).toISOString(), data });
	const nowMs = wish.signedAt ?? world.now();
	return { url, body, headers: hookHeaders({ id: deliveryId, event: event as HookEvent, body, nowMs, secret, sign }) };
}

const SAID: Record<string, Record<string, unknown>> = {
	"job.processing": { status: "processing", previous_status: "pending" },
	"job.completed": {
		status: "done",
		previous_status: "processing",
		result_url: "https://storage.deapi.ai/r/a.png",
		processing_time_ms: 4500,
	},
	"job.failed": { status: "error", previous_status: "processing", error_code: "WORKER_TIMEOUT", error_message: "No worker in time." },
};

/** Posts it and reads the answer as `200 applied`. */
export async function told(world: World, post: Post): Promise<string> {
	const response = await world.postHook(post);
	return `${response.status} ${((await response.json()) as { outcome: string }).outcome}`;
}

/** The provider is reached and does its work; what we hear of it is what `spoil` makes of its answer. */
export function onAnswer(world: World, path: string, spoil: (answer: HttpAnswer) => HttpAnswer | Promise<HttpAnswer>): void {
	const real = world.deps.http;
	world.deps.http = async (request) => {
		const answer = await real(request);
		return request.url.includes(path) ? spoil(answer) : answer;
	};
}

/** Runs a round until the first answer on a path is on its way, and keeps it there until `arrive`, which ends the round. */
export async function holdAnswer(world: World, path: string, spoil: (answer: HttpAnswer) => HttpAnswer = (answer) => answer) {
	const real = world.deps.http;
	const [held, open] = [gate(), gate()];
	onAnswer(world, path, async (answer) => {
		world.deps.http = real;
		held.pass();
		await open.passed;
		return spoil(answer);
	});
	const round = world.run();
	await held.passed;
	await world.settle(); // the round still claims what else is due
	const arrive = async () => {
		open.pass();
		await round;
	};
	return { arrive };
}

function gate() {
	let pass = () => {};
	const passed = new Promise<void>((resolve) => {
		pass = resolve;
	});
	return { pass, passed };
}

/** Counts what leaves for the provider and answers it in its place. */
export function answerFor(world: World, path: string, answers: () => HttpAnswer | null): { at: number[] } {
	const seen = { at: [] as number[] };
	world.onRequest(({ url }) => {
		if (!url.includes(path)) return null;
		seen.at.push(world.now());
		return answers();
	});
	return seen;
}

/** An answer of request-status. */
export const status = (word: string, result_url: string | null = null) =>
	answer(200, {}, JSON.stringify({ data: { status: word, progress: 50, preview: null, result_url, result: null } }));

/** The next two batches are both decided before either runs. `laterFirst` runs the second one first; `first`: one waits. */
export function meet(world: World, laterFirst: boolean): { first: Promise<void> } {
	const real = world.deps.db;
	const waiting: (() => Promise<unknown>)[] = [];
	const { pass, passed: first } = gate();
	const both = async (go: () => Promise<unknown>) => {
		waiting.push(go);
		pass();
		if (waiting.length < 2) return;
		world.deps.db = real;
		for (const next of laterFirst ? waiting.toReversed() : waiting) await next();
	};
	world.deps.db = {
		...real,
		batch: (work) => new Promise((resolve, reject) => void both(() => real.batch(work).then(resolve, reject))),
	};
	return { first };
}

/** From here on one kind of row is not seen, as if another process's transaction had not been committed yet. */
export function blindTo(world: World, stmt: Bound<unknown>["stmt"]): () => void {
	const real = world.deps.db;
	world.deps.db = { ...real, read: async (query) => (query.stmt === stmt ? [] : real.read(query)) };
	return () => {
		world.deps.db = real;
	};
}
