import { bootstrap } from "../../src/bootstrap.ts";
import { loadConfig } from "../../src/config.ts";
import type { Http, HttpAnswer, HttpRequest } from "../../src/core/http.ts";
import { Secretbox } from "../../src/core/secretbox.ts";
import type { Db } from "../../src/db/db.ts";
import type { Deps } from "../../src/deps.ts";
import { createApp } from "../../src/http/app.ts";
import { createDeapiSandbox } from "../../src/sandbox/deapi/app.ts";
import type { KnobsPatch } from "../../src/sandbox/deapi/knobs.ts";
import { createDecartSandbox } from "../../src/sandbox/decart/app.ts";
import { Sweep } from "../../src/sweep.ts";
import { memoryBlobs } from "./blobs.ts";
import { counted } from "./counted.ts";

/** A provider's hook on its way to us. */
export interface Post {
	url: string;
	headers: Record<string, string>;
	body: string;
}
/** A callback as a receiver saw it. */
export interface Callback extends Post {
	atMs: number;
}
export interface WorldOptions {
	env?: Record<string, string>;
	knobs?: KnobsPatch;
	/** Time of the world's beginning, epoch milliseconds. */
	began?: number;
	/** How `pass` lets everything that is ready run; a quicker one where hooks are held. */
	settle?: () => Promise<void>;
	/** Another edge than a process with its loop: its door, and what does all that is due and returns when something will be. */
	edge?: (deps: Deps) => { fetch(request: Request): Promise<Response>; run(): Promise<number | null> };
}

/** What worlds have that are not told otherwise: a file sets it to play a whole suite on another edge. */
export const defaults: Pick<WorldOptions, "edge"> = {};

const MOMENT_MS = 20;

export const KEY = "test-api-key-0123456789";
export const PROVIDER = "https://api.sandbox.test";
export const DECART = "https://api.decart.test";
export const GATEWAY = "https://gateway.test";
export const HOOK_SECRET = "whsec_test_0123456789abcdef0123456789abcdef";
export const CALLBACK_SECRET = `whsec_${Buffer.from("0123456789abcdef0123456789abcdef").toString("base64")}`;
export const RECEIVER = "https://receiver.example.com/hooks";

/**
 * A whole gateway on a given database, with the deAPI sandbox beside it and receivers that answer as told. Clock, timers
 * and network are in the test's hands; nothing waits, and it runs on any runtime.
 */
export async function openWorld(db: Db, options: WorldOptions = {}) {
	let now = options.began ?? Date.UTC(2026, 0, 15, 10, 30, 45);
	let timers: { at: number; fn: () => void }[] = [];
	const lines: { level: string; what: string; fields: Record<string, unknown> }[] = [];
	const callbacks: Callback[] = [];
	const held: Post[] = [];
	let holding = false;
	let receiver: (callback: Callback) => HttpAnswer | Promise<HttpAnswer> = () => answer(200);
	let network: (request: HttpRequest) => HttpAnswer | null = () => null;
	let files: (request: HttpRequest) => Response | null = () => null;

	const cloudTimers = {
		after(ms: number, fn: () => void) {
			const timer = { at: now + ms, fn };
			timers.push(timer);
			return () => {
				timers = timers.filter((other) => other !== timer);
			};
		},
	};
	const decart = createDecartSandbox({
		clock: { now: () => now },
		timers: {
			after(ms, fn) {
				if (ms > MOMENT_MS) return cloudTimers.after(ms, fn);
				const timer = setTimeout(fn); // within an answer that somebody is reading: the clock stands still for that
				return () => clearTimeout(timer);
			},
		},
		apiKeys: ["decart-key"],
	});
	const sandbox = createDeapiSandbox({
		clock: { now: () => now },
		timers: cloudTimers,
		async send(url, { headers, body }) {
			if (!holding) return { status: (await postHook({ url, headers, body })).status };
			held.push({ url, headers, body });
			return { status: 200 };
		},
		baseUrl: PROVIDER,
		apiKeys: ["sandbox-key", "second-key-of-the-account"],
		webhookSecret: HOOK_SECRET,
		webhookUrl: null,
		knobs: { balance: 1e6, ...options.knobs },
	});

	const http: Http = async (request) => {
		const trouble = network(request);
		if (trouble) return trouble;
		const { url, method, headers } = request;
		const body = await bodyOf(request).catch(() => null);
		if (body === null && typeof request.body === "object") return broken("body_broken", true);
		const cloud = url.startsWith(PROVIDER) ? sandbox : url.startsWith(DECART) ? decart : null;
		if (cloud !== null) return answerOf(request, await cloud.app.request(url, { method, headers, body }));
		const fetched = files(request);
		if (fetched !== null) return answerOf(request, fetched);
		const callback = { url, headers, body: typeof body === "string" ? body : "", atMs: now };
		callbacks.push(callback);
		return receiver(callback);
	};

	const calls = counted(db);
	const blobs = memoryBlobs();
	const config = loadConfig({
		PUBLIC_URL: GATEWAY,
		JOBHOOK_API_KEY: KEY,
		JOBHOOK_CALLBACK_SECRET: CALLBACK_SECRET,
		DEAPI_BASE_URL: PROVIDER,
		DEAPI_API_KEY: "sandbox-key",
		DEAPI_WEBHOOK_SECRET: HOOK_SECRET,
		DECART_BASE_URL: DECART,
		DECART_API_KEY: "decart-key",
		...options.env,
	});
	const log = (level: string) => (fields: object, what: string) => void lines.push({ level, what, fields: { ...fields } });
	const deps: Deps = {
		config,
		publicUrl: config.publicUrl ?? "http://127.0.0.1:8080",
		db: calls.db,
		blobs,
		clock: { now: () => now },
		random: () => 0.5,
		http,
		secrets: new Secretbox(config.masterKeys ?? [new Uint8Array(32).fill(7)]),
		wake: () => {},
		woken: async () => {},
		log: { info: log("info"), warn: log("warn"), error: log("error") },
	};
	const { appId } = await bootstrap(deps);
	const app = createApp(deps);
	let sweep = new Sweep(deps);

	const edge = (options.edge ?? defaults.edge)?.(deps);
	const door = (url: string, init: RequestInit) => Promise.resolve(edge ? edge.fetch(new Request(url, init)) : app.request(url, init));
	const request = (path: string, init: RequestInit = {}) =>
		door(`${GATEWAY}${path}`, { ...init, headers: { authorization: `Bearer ${KEY}`, ...init.headers } });
	const postHook = (post: Post) => door(post.url, { method: "POST", headers: post.headers, body: post.body });

	/** One round after the other until nothing is due; returns when the next row will be. */
	async function run(): Promise<number | null> {
		if (edge) return edge.run();
		for (;;) {
			await sweep.tend();
			const work: Promise<void>[] = [];
			const { started, nextDueAt } = await sweep.claim(config.processConcurrency, (start) => void work.push(start()));
			await Promise.all(work);
			if (started === 0) return nextDueAt;
		}
	}

	/** Moves the clock to each moment at which something happens: a timer of the sandbox, a row that falls due. */
	async function pass(ms: number): Promise<void> {
		const end = now + ms;
		for (;;) {
			const nextDueAt = await run();
			const timer = timers.toSorted((a, b) => a.at - b.at)[0];
			const at = Math.min(timer?.at ?? Number.POSITIVE_INFINITY, nextDueAt ?? Number.POSITIVE_INFINITY);
			if (at > end) break;
			now = Math.max(now, at);
			if (timer && timer.at <= now) {
				timers = timers.filter((other) => other !== timer);
				timer.fn();
			}
			await (options.settle ?? calls.settle)();
		}
		now = end;
		await run();
	}

	return {
		deps,
		blobs,
		appId,
		app,
		sandbox,
		lines,
		callbacks,
		/** Hooks that the sandbox sent while `holdHooks(true)`. */
		held,
		now: () => now,
		/** Moves the clock and runs nothing. */
		jump: (ms: number) => {
			now += ms;
		},
		run,
		pass,
		settle: calls.settle,
		request,
		postHook,
		holdHooks: (hold: boolean) => {
			holding = hold;
		},
		/** Decides what receivers answer. */
		onCallback: (next: typeof receiver) => {
			receiver = next;
		},
		/** Breaks the network before anyone is reached; null lets a request through. */
		onRequest: (next: typeof network) => {
			network = next;
		},
		/** Answers downloads, before anyone takes them for callbacks; null leaves them alone. */
		onDownload: (next: typeof files) => {
			files = next;
		},
		decart,
		/** A process that starts again: what it kept in memory is gone. */
		restart: () => {
			sweep = new Sweep(deps);
		},
		/** One round whose work never gets to run: the process was killed right after its claim. */
		claimAndDie: () => sweep.claim(config.processConcurrency, () => {}),
		knobs: (patch: KnobsPatch) =>
			Promise.resolve(sandbox.app.request(`${PROVIDER}/_sandbox/knobs`, { method: "PATCH", body: JSON.stringify(patch) })),
		calls: async (call: string) => {
			const response = await sandbox.app.request(`${PROVIDER}/_sandbox/calls`);
			const { data } = (await response.json()) as { data: { call: string }[] };
			return data.filter((entry) => entry.call === call);
		},
		submit: (over: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
			request("/v1/jobs", {
				method: "POST",
				headers: { "content-type": "application/json", ...headers },
				body: JSON.stringify({ ...JOB, ...over }),
			}),
		job: async (id: string) => (await (await request(`/v1/jobs/${id}`)).json()) as JobView,
		timeline: async (id: string) => ((await (await request(`/v1/jobs/${id}/timeline`)).json()) as { data: Entry[] }).data,
		endpoint: async (over: Record<string, unknown> = {}) => {
			const response = await request("/v1/endpoints", {
				method: "POST",
				headers: { "content-type": "application/json" },
				body: JSON.stringify({ url: RECEIVER, ...over }),
			});
			return (await response.json()) as { id: string; secret: string; url: string };
		},
		close: async () => {
			sandbox.close();
			decart.close();
			await calls.idle();
			await db.close();
		},
	};
}

/** What the port does with a request's body and an answer's, in memory. */
async function bodyOf({ body }: HttpRequest): Promise<string | Uint8Array<ArrayBuffer> | null> {
	if (typeof body !== "object") return body ?? null;
	const chunks: Uint8Array[] = [];
	for await (const chunk of body.chunks()) chunks.push(chunk);
	const whole = new Uint8Array(Buffer.concat(chunks));
	if (whole.length !== body.bytes) throw new Error(`a body of ${whole.length} bytes was announced as ${body.bytes}`);
	return whole;
}

async function answerOf({ take, keepBytes }: HttpRequest, response: Response): Promise<HttpAnswer> {
	const { status } = response;
	const headers = Object.fromEntries(response.headers);
	if (take === undefined || !response.ok)
		return { kind: "response", status, headers, body: (await response.text()).slice(0, keepBytes), truncated: false };
	const chunks = response.body ?? new ReadableStream<Uint8Array>({ start: (stream) => stream.close() });
	let broke = false;
	async function* watched() {
		try {
			yield* chunks as unknown as AsyncIterable<Uint8Array>;
		} catch (e) {
			broke = true;
			throw e;
		}
	}
	try {
		await take({ status, headers }, watched());
	} catch (e) {
		if (broke) return broken("connection_lost", false);
		throw e;
	}
	return { kind: "response", status, headers, body: "", truncated: false };
}

export type World = Awaited<ReturnType<typeof openWorld>>;
export interface JobView {
	id: string;
	state: string;
	revision: number;
	error: { code: string; message: string } | null;
	[field: string]: unknown;
}
export interface Entry {
	at: string;
	kind: string;
	what: string;
	[field: string]: unknown;
}

/** The smallest job. */
export const JOB = {
	provider: "deapi",
	type: "txt2img",
	model: "Flux1schnell",
	input: { prompt: "a red fox in snow", width: 512, height: 512, steps: 4 },
	webhook_url: RECEIVER,
};

/** Submits and returns the job's id; a refusal is a failure of the test. */
export async function submitted(world: World, over: Record<string, unknown> = {}): Promise<string> {
	const response = await world.submit(over);
	if (response.status !== 202) throw new Error(`not accepted: ${await response.text()}`);
	return ((await response.json()) as { id: string }).id;
}

export const answer = (status: number, headers: Record<string, string> = {}, body = ""): HttpAnswer => ({
	kind: "response",
	status,
	headers,
	body,
	truncated: false,
});
export const broken = (reason: (HttpAnswer & { kind: "failed" })["reason"], before: boolean): HttpAnswer => ({
	kind: "failed",
	reason,
	before,
});
