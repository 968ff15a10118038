import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { expect, it, onTestFinished, vi } from "vitest";
import { JOB } from "../support/launch.ts";
import { type Entry, provider, service } from "../support/process.ts";

const BOMB = gzipSync(Buffer.alloc(50_000_000));

/** Writes until the other side has had enough, or 5 GB. */
function pour(response: ServerResponse): void {
	const chunk = Buffer.alloc(65_536, "a");
	let left = 5e9;
	const more = () => {
		while (left > 0 && !response.destroyed) {
			left -= chunk.length;
			if (!response.write(chunk)) return void response.once("drain", more);
		}
		response.end();
	};
	response.writeHead(200, { "content-length": 5e9 });
	more();
}

/** What receivers do, and how the one attempt is to be recorded. */
const BAD: Record<string, { answer(response: ServerResponse): void; what: string; reason: string; status: number | null }> = {
	slow: { answer: () => {}, what: "failed", reason: "timeout", status: null },
	dripping: {
		answer: (response) => {
			response.writeHead(200, { "content-length": 1e6 });
			const timer = setInterval(() => response.write("a"), 20);
			response.once("close", () => clearInterval(timer));
		},
		...{ what: "failed", reason: "timeout", status: null },
	},
	redirecting: {
		answer: (response) => response.writeHead(302, { location: "/fine" }).end(),
		...{ what: "failed", reason: "http_302", status: 302 },
	},
	resetting: {
		answer: (response) => void response.socket?.resetAndDestroy(),
		...{ what: "failed", reason: "connection_lost", status: null },
	},
	gone: { answer: (response) => response.writeHead(410).end(), what: "failed", reason: "http_410", status: 410 },
	busy: {
		answer: (response) => response.writeHead(429, { "retry-after": "3600" }).end(),
		...{ what: "failed", reason: "http_429", status: 429 },
	},
	endless: { answer: pour, what: "delivered", reason: "acknowledged", status: 200 },
	bomb: {
		answer: (response) => response.writeHead(200, { "content-encoding": "gzip", "content-length": BOMB.length }).end(BOMB),
		...{ what: "delivered", reason: "acknowledged", status: 200 },
	},
	fine: { answer: (response) => response.writeHead(204).end(), what: "delivered", reason: "acknowledged", status: 204 },
};

/** One server, a port of its own for each: a lane is an origin, and a pause is its own. */
async function receiverOf(name: string, seen: string[]): Promise<string> {
	const server = createServer((request, response) => {
		response.on("error", () => {});
		request.resume().on("end", () => {
			seen.push(name + request.url);
			BAD[name]?.answer(response);
		});
	}).listen(0, "127.0.0.1");
	await once(server, "listening");
	onTestFinished(() => {
		server.closeAllConnections();
		server.close();
	});
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

it("every kind of bad receiver gets one attempt, recorded with its reason, in bounded memory, and hurts no other", async () => {
	const deapi = await provider({ balance: 1e6 });
	const jobhook = await service({ ...deapi.env, ATTEMPT_DEADLINE_MS: "1000", RETRY_DELAYS_S: "3600,3600" });
	const before = jobhook.memory("VmRSS");
	const seen: string[] = [];
	const jobs = new Map<string, string>();
	for (const name of Object.keys(BAD)) {
		const body = { ...JOB, webhook_url: await receiverOf(name, seen), webhook_events: ["job.completed"] };
		jobs.set(name, (await jobhook.call<{ id: string }>("/v1/jobs", { method: "POST", body: JSON.stringify(body) })).id);
	}
	const attemptsOf = async (name: string) => {
		const { data } = await jobhook.call<{ data: Entry[] }>(`/v1/jobs/${jobs.get(name)}/timeline`);
		return data.flatMap(({ kind, what, n, reason, status }) => (kind === "attempt" ? [{ what, n, reason, status }] : []));
	};
	for (const [name, { what, reason, status }] of Object.entries(BAD))
		await vi.waitFor(async () => expect(await attemptsOf(name), name).toEqual([{ n: 1, what, reason, status }]), { timeout: 15_000 });
	expect(seen).toHaveLength(jobs.size); // one attempt each, and the redirect was not followed
	expect(new Set(seen)).toEqual(new Set(Object.keys(BAD).map((name) => `${name}/`)));
	expect(jobhook.memory("VmHWM") - before).toBeLessThan(100);
});
