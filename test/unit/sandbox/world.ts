import { createHmac } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { createDeapiSandbox, type DeapiSandboxOptions } from "../../../src/sandbox/deapi/app.ts";
import type { CallEntry } from "../../../src/sandbox/deapi/calls.ts";
import type { HookAttempt } from "../../../src/sandbox/deapi/hooks.ts";
import type { JobStatus } from "../../../src/sandbox/deapi/jobs.ts";
import type { JobName, KnobsPatch, KnobValues } from "../../../src/sandbox/deapi/knobs.ts";

/** One webhook as a receiver saw it. */
export interface Post {
	url: string;
	headers: Record<string, string>;
	body: string;
	deadlineMs: number;
	/** Milliseconds since the world began. */
	atMs: number;
}
export interface Envelope {
	event: string;
	delivery_id: string;
	timestamp: string;
	data: Record<string, unknown>;
}

export const secret = "whsec_test_0123456789abcdef0123456789abcdef";
export const key = "12|abc";
export const hookUrl = "https://receiver.test/hook";
export const fullBody = {
	prompt: "a red fox in snow",
	negative_prompt: "blur",
	model: "Flux1schnell",
	width: 512,
	height: 256,
	guidance: 7.5,
	steps: 4,
	seed: 42,
	loras: [{ name: "soft", weight: 0.5 }],
};
/** What the SDK sends at least. */
export const minimalBody = { prompt: "fox", model: "Flux1schnell", width: 256, height: 256, seed: -1 };

/** The least that each kind of job needs. */
export const bodies: Readonly<Record<JobName, Record<string, unknown>>> = {
	txt2img: minimalBody,
	txt2video: { prompt: "fox", model: "Ltxv_13B_0_9_8_Distilled_FP8", width: 512, height: 288, steps: 1, frames: 60, seed: 7 },
	txt2audio: { text: "Hello world", model: "Kokoro", lang: "en-us", speed: 1, format: "mp3", sample_rate: 24_000 },
	txt2music: {
		caption: "slow piano",
		model: "AceStep_1_5_Turbo",
		duration: 12,
		inference_steps: 8,
		guidance_scale: 1,
		seed: 7,
		format: "mp3",
	},
	txt2embedding: { input: "a red fox", model: "Bge_M3_FP16" },
	transcribe: { source_url: "https://www.youtube.com/watch?v=abc", include_ts: false, model: "WhisperLargeV3" },
};

/** A sandbox whose clock, timers and network are in the test's hands. */
export function createWorld(options: Partial<DeapiSandboxOptions> = {}) {
	const began = Date.UTC(2026, 0, 15, 10, 30, 45);
	let now = began;
	let waiting: { at: number; fn: () => void }[] = [];
	const posts: Post[] = [];
	let answer: (post: Post) => number | Promise<number> = () => 200;

	const sandbox = createDeapiSandbox({
		clock: { now: () => now },
		timers: {
			after(ms, fn) {
				const timer = { at: now + ms, fn };
				waiting.push(timer);
				return () => {
					waiting = waiting.filter((other) => other !== timer);
				};
			},
		},
		async send(url, request) {
			const post = { url, ...request, atMs: now - began };
			posts.push(post);
			return { status: await answer(post) };
		},
		baseUrl: "http://sandbox.test",
		apiKeys: [key],
		webhookSecret: secret,
		webhookUrl: null,
		...options,
	});

	const request = async (path: string, init: RequestInit = {}) =>
		sandbox.app.request(`http://sandbox.test${path}`, { ...init, headers: { authorization: `Bearer ${key}`, ...init.headers } });
	const json = <T>(response: Response) => response.json() as Promise<T>;
	const post = (path: string, body: unknown) =>
		request(`/api/v1/client/${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
	const submit = (body: unknown = { ...fullBody, webhook_url: hookUrl }, name: JobName = "txt2img") => post(name, body);

	return {
		sandbox,
		posts,
		request,
		/** JSON to a route below the client prefix. */
		post,
		/** A form, with files where there are some. */
		postForm(path: string, fields: Record<string, string | File>) {
			const body = new FormData();
			for (const [name, value] of Object.entries(fields)) body.append(name, value);
			return request(`/api/v1/client/${path}`, { method: "POST", body });
		},
		submit,
		now: () => now,
		timersLeft: () => waiting.length,
		/** Decides what the receiver answers; a throw is a broken network. */
		receiver(next: typeof answer) {
			answer = next;
		},
		/** Moves the clock, running every timer on the way at its own time. */
		async pass(ms: number) {
			const end = now + ms;
			for (;;) {
				const next = waiting.toSorted((a, b) => a.at - b.at)[0];
				if (next === undefined || next.at > end) break;
				waiting = waiting.filter((other) => other !== next);
				now = Math.max(now, next.at);
				next.fn();
				await settle();
			}
			now = end;
			await settle();
		},
		async get<T>(path: string) {
			return json<T>(await request(path));
		},
		async submitted(body?: unknown, name?: JobName): Promise<string> {
			const response = await submit(body, name);
			if (response.status !== 200) throw new Error(`not submitted: ${await response.text()}`);
			return (await json<{ data: { request_id: string } }>(response)).data.request_id;
		},
		async status(id: string) {
			return (await json<{ data: JobStatus }>(await request(`/api/v1/client/request-status/${id}`))).data;
		},
		patch: (knobs: KnobsPatch) => request("/_sandbox/knobs", { method: "PATCH", body: JSON.stringify(knobs) }),
		knobs: async () => json<KnobValues>(await request("/_sandbox/knobs")),
		hooks: async () => (await json<{ data: HookAttempt[] }>(await request("/_sandbox/hooks"))).data,
		calls: async () => (await json<{ data: CallEntry[] }>(await request("/_sandbox/calls"))).data,
		events: () => posts.map((post) => envelope(post).event),
	};
}

/** Lets everything that is ready run; no time passes. */
export async function settle() {
	for (let i = 0; i < 5; i++) await setImmediate();
}

export interface Refusal {
	message: string;
	errors: Record<string, string[]>;
}
/** The field errors of a 422; any other answer is a failure of the test. */
export async function errorsOf(answer: Response | Promise<Response>): Promise<Refusal["errors"]> {
	const response = await answer;
	if (response.status !== 422) throw new Error(`not refused: ${response.status} ${await response.text()}`);
	return ((await response.json()) as Refusal).errors;
}

export const envelope = (post: { body: string }): Envelope => JSON.parse(post.body);

/** The signature written down again from the facts, so that the code under test does not vouch for itself. */
export const expectedSignature = (timestamp: string, body: string, hookSecret = secret) =>
	`sha256=${createHmac("sha256", hookSecret).update(`${timestamp}.${body}`).digest("hex")}`;
export const isGenuine = (post: { headers: Record<string, string>; body: string }) =>
	post.headers["X-DeAPI-Signature"] === expectedSignature(String(post.headers["X-DeAPI-Timestamp"]), post.body);
