import { setImmediate } from "node:timers/promises";
import { createDecartSandbox, type DecartSandboxOptions } from "../../../../src/sandbox/decart/app.ts";
import type { CallEntry } from "../../../../src/sandbox/decart/calls.ts";
import type { Problem } from "../../../../src/sandbox/decart/errors.ts";
import type { KnobsPatch, KnobValues } from "../../../../src/sandbox/decart/knobs.ts";
import { settle } from "../world.ts";

export const key = "dct_abcdefgh";
export const otherKey = "dct_ijklmnop";
/** No real film: nothing here looks into it. */
export const video = new Blob([Uint8Array.of(0, 1, 2, 255, 13, 10, 45, 45)], { type: "video/mp4" });

export type Parts = Record<string, string | Blob>;
export function formOf(parts: Parts): FormData {
	const form = new FormData();
	for (const [name, value] of Object.entries(parts)) form.append(name, value);
	return form;
}
/** What each current video model takes. */
export const whole: Parts = { prompt: "a red fox", data: video, resolution: "720p" };

export interface JobAnswer {
	job_id: string;
	status: string;
}

/** A sandbox whose clock and timers are in the test's hands. */
export function createWorld(options: Partial<DecartSandboxOptions> = {}) {
	let now = Date.UTC(2026, 0, 15, 10, 30, 45);
	let waiting: { at: number; fn: () => void }[] = [];
	const sandbox = createDecartSandbox({
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
		apiKeys: [key, otherKey],
		...options,
	});

	/** With the key, unless the headers name another one; an empty one is none. */
	async function request(path: string, init: RequestInit = {}): Promise<Response> {
		const headers = new Headers(init.headers);
		if (!headers.has("x-api-key")) headers.set("x-api-key", key);
		if (headers.get("x-api-key") === "") headers.delete("x-api-key");
		return sandbox.app.request(`http://sandbox.test${path}`, { ...init, headers });
	}
	const form = (path: string, parts: Parts, headers: Record<string, string> = {}) =>
		request(path, { method: "POST", body: formOf(parts), headers });
	const submit = (model = "lucy-clip", parts: Parts = whole, headers: Record<string, string> = {}) =>
		form(`/v1/jobs/${model}`, parts, headers);

	return {
		sandbox,
		request,
		form,
		submit,
		generate: (model: string, parts: Parts, headers?: Record<string, string>) => form(`/v1/generate/${model}`, parts, headers),
		post: (path: string, body: unknown, headers: Record<string, string> = {}) =>
			request(path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", ...headers } }),
		async submitted(model?: string, parts?: Parts): Promise<string> {
			return (await read<JobAnswer>(await submit(model, parts))).job_id;
		},
		status: async (id: string) => (await read<JobAnswer>(await request(`/v1/jobs/${id}`))).status,
		content: (id: string, headers?: Record<string, string>) => request(`/v1/jobs/${id}/content`, headers ? { headers } : {}),
		now: () => now,
		timersLeft: () => waiting.length,
		/** Until so many timers are set: bodies are read in turns of their own, however many. */
		async timersSet(count: number) {
			while (waiting.length < count) await setImmediate();
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
		patch: (knobs: KnobsPatch) => request("/_sandbox/decart/knobs", { method: "PATCH", body: JSON.stringify(knobs) }),
		knobs: async () => read<KnobValues>(await request("/_sandbox/decart/knobs")),
		calls: async () => (await read<{ data: CallEntry[] }>(await request("/_sandbox/decart/calls"))).data,
	};
}

/** The body of a 2xx; any other answer is a failure of the test. */
export async function read<T>(answer: Response): Promise<T> {
	if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
	return (await answer.json()) as T;
}

/** Status and body at once, for refusals. */
export const refusalOf = async (answer: Response | Promise<Response>): Promise<[number, unknown]> => {
	const response = await answer;
	return [response.status, await response.json()];
};

/** Where a 422 of FastAPI's points, and what it calls it. */
export async function problemsOf(answer: Response | Promise<Response>): Promise<string[]> {
	const [status, body] = await refusalOf(answer);
	if (status !== 422) throw new Error(`not refused: ${status} ${JSON.stringify(body)}`);
	return (body as { detail: Problem[] }).detail.map(({ loc, type }) => `${loc.join(".")} ${type}`);
}
