/** Receivers and a steady stream of hooks in this process, so that both are read by one clock. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "undici";
import { hookOf } from "./figures.ts";

/** What is posted to a path below `/hang` is never answered. */
export async function receivers() {
	/** By job, when its first callback came, and how many came to each path, no delivery twice. */
	const arrivedAt = new Map<string, number>();
	const seen = new Map<string, Set<string>>();
	const waiting = new Set<ServerResponse>();
	const open = { now: 0, most: 0, hanging: 0, mostHanging: 0 };
	const server = createServer((request, response) => {
		const at = performance.now();
		const path = request.url ?? "";
		const hangs = path.startsWith("/hang") ? 1 : 0;
		open.most = Math.max(open.most, ++open.now);
		open.hanging += hangs;
		open.mostHanging = Math.max(open.mostHanging, open.hanging);
		response.on("close", () => {
			open.now--;
			open.hanging -= hangs;
			waiting.delete(response);
		});
		let body = "";
		request.setEncoding("utf8").on("data", (chunk: string) => {
			body += chunk;
		});
		request.on("end", () => {
			const job = /job_[0-9a-f]{32}/.exec(body)?.[0];
			if (job !== undefined && !arrivedAt.has(job)) arrivedAt.set(job, at);
			const ids = seen.get(path) ?? new Set();
			seen.set(path, ids.add(String(request.headers["jobhook-delivery"])));
			if (hangs) waiting.add(response);
			else response.writeHead(200, { "content-length": 0 }).end();
		});
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		arrivedAt,
		open,
		countOf: (path: string) => seen.get(path)?.size ?? 0,
		close: () => {
			server.closeAllConnections();
			server.close();
		},
	};
}

/** Posts hooks at a rate, whatever the answers; tells when each was answered 200. Any other answer is an error. */
export async function stream(port: number, providerJobIds: readonly string[], perSecond: number): Promise<number[]> {
	const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 16 });
	const began = performance.now();
	const answers: Promise<number>[] = [];
	for (const [i, id] of providerJobIds.entries()) {
		const ahead = began + (i * 1000) / perSecond - performance.now();
		if (ahead > 0) await sleep(ahead);
		const { headers, body } = hookOf(id);
		answers.push(
			pool.request({ method: "POST", path: "/hooks/deapi", headers, body }).then(async (answer) => {
				const at = performance.now();
				const text = await answer.body.text();
				if (answer.statusCode !== 200 || !text.includes("applied")) throw new Error(`a hook was answered ${answer.statusCode} ${text}`);
				return at;
			}),
		);
	}
	const at = await Promise.all(answers);
	await pool.close();
	return at;
}

/** Megabytes; null where the system does not tell. */
export function memoryOf(pid: number): number | null {
	try {
		const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
		return kilobytes === undefined ? null : Math.round(Number(kilobytes) / 1024);
	} catch {
		return null;
	}
}
