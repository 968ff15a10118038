import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client, Entry, Job } from "./client.ts";
import type { Plot } from "./plots.ts";
import type { Receiver } from "./receiver.ts";

const STEP_DEADLINE_MS = 10_000;
const LOOK_EVERY_MS = 20;

export interface Step {
	name: string;
	/** Since the demo began. */
	ms: number;
}
/** Announces a step that has been reached. */
export type Tell = (name: string, detail: string) => void;

export interface Cast {
	client: Client;
	receiver: Receiver;
	sandboxUrl: string;
	/** Signs what goes to the job's own URL. */
	jobSecret: string;
	plot: Plot;
}

/** Submits one job and follows it, telling each thing when it is seen, until both callbacks are acknowledged. */
export async function followJob({ client, receiver, jobSecret, plot }: Cast, tell: Tell): Promise<Job> {
	const job = await plot.submit(client, { webhook_url: `${receiver.url}/job`, webhook_secret: jobSecret });
	tell("job accepted", `202, on disk: ${job.id}`);
	const told = new Set<string>();
	await until("every callback acknowledged", async () => {
		const { data } = await client.get<{ data: Entry[] }>(`/v1/jobs/${job.id}/timeline`);
		for (const entry of data) {
			const line = lineFor(entry);
			const key = `${entry.kind} ${entry["id"] ?? entry["delivery_id"]}`;
			if (line === null || told.has(key)) continue;
			told.add(key);
			tell(...line);
		}
		const completed = data.filter((entry) => entry.kind === "delivery" && entry["event_type"] === "job.completed");
		return completed.length === 2 && completed.every((entry) => entry.what === "delivered");
	});
	return client.get<Job>(`/v1/jobs/${job.id}`);
}

/** A line for what has come to rest; null for what is still to change. */
function lineFor(entry: Entry): [string, string] | null {
	if (entry.kind === "submission" && entry.what === "accepted") return ["provider took it", `as ${entry["provider_job_id"]}`];
	if (entry.kind === "hook") return ["provider's webhook verified", `${entry.what}: ${entry["outcome"]}`];
	if (entry.kind === "poll") return ["provider asked", `${entry.what}: ${entry["outcome"]}`];
	if (entry.kind === "event") return ["event recorded", `${entry.what} ${entry["id"]}`];
	if (entry.kind === "attempt") return ["callback sent", `${entry["status"]} in ${entry["duration_ms"]} ms`];
	return null;
}

export function checkCallbacks({ receiver }: Cast, tell: Tell): { standard_webhooks: boolean; deapi: boolean } {
	const all = receiver.received;
	const verified = {
		standard_webhooks: all.length > 0 && all.every((c) => c.standardWebhooks),
		deapi: all.length > 0 && all.every((c) => c.deapi),
	};
	if (!verified.standard_webhooks || !verified.deapi) throw new Error(`signatures that do not verify: ${JSON.stringify(verified)}`);
	const events = all.map((c) => `${c.event.slice(4)} at ${c.path}`).join(", ");
	tell("callbacks verified", `${events}; by standardwebhooks and by deAPI's scheme`);
	return verified;
}

interface SentHook {
	event: string;
	url: string;
	headers: Record<string, string>;
	body: string;
}

/** Posts the provider's own webhook once more, byte for byte, and counts what that changed. */
export async function postHookAgain(cast: Cast, jobId: string, tell: Tell): Promise<number> {
	const { data: hooks } = (await (await fetch(`${cast.sandboxUrl}/_sandbox/hooks`)).json()) as { data: SentHook[] };
	const hook = hooks.find((sent) => sent.event === "job.completed");
	if (hook === undefined) throw new Error("the sandbox sent no job.completed");
	const before = await countEffects(cast, jobId);
	const response = await fetch(hook.url, { method: "POST", headers: hook.headers, body: hook.body });
	const answer = await response.text();
	const effects = (await countEffects(cast, jobId)) - before;
	if (response.status !== 200 || effects !== 0)
		throw new Error(`the copy was answered ${response.status} ${answer} and had ${effects} effects`);
	tell("same webhook posted again", `${response.status} ${answer}, nothing happened`);
	return effects;
}

async function countEffects({ client, receiver }: Cast, jobId: string): Promise<number> {
	const { data } = await client.get<{ data: Entry[] }>(`/v1/jobs/${jobId}/timeline`);
	return data.length + receiver.received.length;
}

/** Whoever holds the link reads the result; of what is kept here also a part. */
export async function saveResult({ plot }: Cast, job: Job, tell: Tell): Promise<string> {
	if (job.result_url === null) throw new Error("the job has no result_url");
	const response = await fetch(job.result_url);
	const bytes = Buffer.from(await response.arrayBuffer());
	const { at, text } = plot.magic;
	const found = bytes.subarray(at, at + text.length).toString("latin1");
	if (response.status !== 200 || found !== text) throw new Error(`${job.result_url} answered ${response.status} and no ${text}`);
	const artifact = path.join("data", plot.artifact);
	mkdirSync(path.dirname(artifact), { recursive: true });
	writeFileSync(artifact, bytes);
	tell("result saved", `${artifact}, ${bytes.length} bytes, ${response.headers.get("content-type")}`);
	return artifact;
}

/** Reads the first bytes of a kept result, as a video player does. */
export async function readPart(job: Job, tell: Tell): Promise<void> {
	const response = await fetch(job.result_url ?? "", { headers: { range: "bytes=0-99" } });
	const { length } = await response.bytes();
	if (response.status !== 206 || length !== 100) throw new Error(`a range was answered ${response.status} with ${length} bytes`);
	tell("a part of it read", `206, ${response.headers.get("content-range")}`);
}

async function until(what: string, done: () => Promise<boolean>): Promise<void> {
	const deadline = Date.now() + STEP_DEADLINE_MS;
	while (!(await done())) {
		if (Date.now() > deadline) throw new Error(`not within ${STEP_DEADLINE_MS / 1000} s: ${what}`);
		await sleep(LOOK_EVERY_MS);
	}
}
