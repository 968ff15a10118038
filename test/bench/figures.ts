import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { signDeapi } from "../../src/core/signature.ts";
import { load, wire } from "./load.ts";
import { API_KEY, HOOK_SECRET, MASTER_KEY, seed } from "./seed.ts";
import { type Running, run, start } from "./spawn.ts";

/** Operations per second, or null for a figure that has no such part. */
export interface Round {
	ours: number;
	baseline: number;
	hono?: number;
}
const CONNECTIONS = 64;

export const settings = (file: string) => ({
	DATABASE_URL: file,
	JOBHOOK_API_KEY: API_KEY,
	JOBHOOK_MASTER_KEY: MASTER_KEY,
	DEAPI_API_KEY: "bench",
	DEAPI_BASE_URL: "http://127.0.0.1:9", // nobody listens: nothing is dispatched
	DEAPI_WEBHOOK_SECRET: HOOK_SECRET,
	CALLBACK_ALLOW: "127.0.0.0/8",
	LOG_LEVEL: "warn",
	REQUESTS_PER_MINUTE: "0", // one client stands for many
	BACKPRESSURE_S: "0", // nothing is dispatched, on purpose
});

export async function withFolder<T>(work: (file: string) => Promise<T>): Promise<T> {
	const folder = mkdtempSync(path.join(os.tmpdir(), "jobhook-bench-"));
	try {
		return await work(path.join(folder, "bench.db"));
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

async function measure(server: Running, requests: readonly Buffer[], expected: number): Promise<number> {
	try {
		const warm = Math.floor(requests.length / 5);
		await load(server.port, requests.slice(0, warm), CONNECTIONS, expected);
		return await load(server.port, requests.slice(warm), CONNECTIONS, expected);
	} finally {
		await server.stop();
	}
}

/** The same requests at the plain server, at bare Hono and at ours, in an order that changes by the round. */
async function beside(round: number, requests: readonly Buffer[], ours: () => Promise<number>): Promise<Round> {
	const parts: Record<string, () => Promise<number>> = {
		ours,
		baseline: async () => measure(await start("test/bench/baseline.ts"), requests, 200),
		hono: async () => measure(await start("test/bench/hono.ts"), requests, 200),
	};
	const names = Object.keys(parts);
	const result: Record<string, number> = {};
	for (let i = 0; i < names.length; i++) {
		const name = names[(i + round) % names.length] ?? "";
		result[name] = (await parts[name]?.()) ?? 0;
	}
	return result as unknown as Round;
}

/** A hook verified, committed with synchronous=FULL, fanned out to one endpoint, answered. Its delivery waits. */
export const ingest = (count: number, round: number): Promise<Round> =>
	withFolder(async (file) => {
		const seeded = await seed(file);
		await seeded.endpoint("http://127.0.0.1:9/hooks", true);
		const ids = await seeded.runningJobs(count);
		await seeded.close();
		const requests = ids.map(hookFor);
		return beside(round, requests, async () => measure(await start("dist/node.js", settings(file)), requests, 200));
	});

const hookFor = (providerJobId: string): Buffer => {
	const { headers, body } = hookOf(providerJobId);
	return wire("/hooks/deapi", headers, body);
};

export function hookOf(providerJobId: string) {
	const data = { job_request_id: providerJobId, status: "done", result_url: "https://example.com/r.png", processing_time_ms: 1500 };
	const body = JSON.stringify({ event: "job.completed", delivery_id: randomUUID(), timestamp: new Date().toISOString(), data });
	const seconds = String(Math.floor(Date.now() / 1000));
	const headers = {
		"x-deapi-signature": signDeapi(HOOK_SECRET, seconds, body),
		"x-deapi-timestamp": seconds,
		"content-type": "application/json",
	};
	return { headers, body };
}

/** A job recorded and answered 202; nothing is sent to the provider meanwhile. */
export const submit = (count: number, round: number): Promise<Round> =>
	withFolder(async (file) => {
		await (await seed(file)).close();
		const job = { provider: "deapi", type: "txt2img", model: "Flux1schnell", webhook_url: "https://example.com/hooks" };
		const input = { prompt: "a red fox in snow", width: 512, height: 512, steps: 4 };
		const headers = { authorization: `Bearer ${API_KEY}`, "content-type": "application/json" };
		const requests = Array.from({ length: count }, (_, i) =>
			wire("/v1/jobs", headers, JSON.stringify({ ...job, input: { ...input, seed: i } })),
		);
		return beside(round, requests, async () => measure(await start("dist/node.js", settings(file)), requests, 202));
	});

const ENDPOINTS = 10;
const AT_ONCE = 100;

/** Deliveries claimed, signed, sent, acknowledged and settled, beside bare undici at the same receiver. */
export const deliver = (count: number, round: number): Promise<Round> =>
	withFolder(async (file) => {
		const receiver = await start("test/bench/receiver.ts");
		const url = `http://127.0.0.1:${receiver.port}`;
		const body = JSON.stringify({ type: "job.completed", data: "x".repeat(800) });
		const parts = {
			ours: async () => {
				const seeded = await seed(file);
				const ids: string[] = [];
				for (let i = 0; i < ENDPOINTS; i++) ids.push(await seeded.endpoint(`${url}/${i}`, false));
				await seeded.dueDeliveries(count, ids, body);
				await seeded.close();
				const service = await start("dist/node.js", settings(file));
				const rate = await rateAt(url, count);
				await service.stop();
				return rate;
			},
			baseline: async () => {
				await run("test/bench/raw.ts", [url, String(count), String(AT_ONCE), String(body.length)]);
				return rateAt(url, count);
			},
		};
		const order = round % 2 === 0 ? (["ours", "baseline"] as const) : (["baseline", "ours"] as const);
		const result = { ours: 0, baseline: 0 };
		for (const name of order) result[name] = await parts[name]();
		await receiver.stop();
		return result;
	});

async function rateAt(url: string, count: number): Promise<number> {
	const deadline = performance.now() + 60_000;
	for (;;) {
		const seen = (await (await fetch(url)).json()) as { count: number; first: number; last: number };
		if (seen.count >= count) {
			await fetch(url, { method: "DELETE" });
			return (seen.count / (seen.last - seen.first)) * 1000;
		}
		if (performance.now() > deadline) throw new Error(`${seen.count} of ${count} delivered`);
		await sleep(50);
	}
}
