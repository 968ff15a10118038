import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import postgres from "postgres";
import { startPostgresServer } from "../../src/demo/postgres-server.ts";
import { API_KEY } from "../support/launch.ts";
import { clusterNode, quietPort } from "./node.ts";
import { startProvider } from "./provider.ts";
import { startProxy } from "./proxy.ts";
import { startReceiver } from "./receiver.ts";
import type { Plan } from "./run.ts";

const PROCESSES = 3;

/** Leases and waits as short as they go; nothing is turned away for load. */
const settings = ({ marginS }: Plan) => ({
	...{ SWEEP_EVERY_S: "1", LEASE_MARGIN_S: String(marginS), OVERLOAD_DELAY_S: "1", RETRY_DELAYS_S: Array(30).fill("1").join() },
	...{ LANE_CONCURRENCY: "50", REQUESTS_PER_MINUTE: "0", BACKPRESSURE_S: "0", CALLBACK_ALLOW: "127.0.0.0/8" },
	...{ JOBHOOK_API_KEY: API_KEY, JOBHOOK_MASTER_KEY: randomBytes(32).toString("base64") },
});

/** PostgreSQL with fsync, a provider, a receiver, and three processes behind one proxy. `undo` gets what ends each of them. */
export async function startCluster(plan: Plan, undo: (() => unknown)[]) {
	const server = await startPostgresServer({ durable: true });
	undo.push(server.stop);
	const sql = postgres(server.url, { max: 2, connect_timeout: 2, onnotice: () => {}, backoff: () => 0.1 });
	undo.push(() => sql.end({ timeout: 1 }));
	const provider = await startProvider();
	undo.push(provider.close);
	const receiver = await startReceiver();
	undo.push(receiver.close);

	const ports = await Promise.all(Array.from({ length: PROCESSES }, quietPort));
	const proxy = await startProxy(ports, provider.watch);
	undo.push(proxy.close);
	const folder = mkdtempSync(path.join(os.tmpdir(), "jobhook-cluster-"));
	undo.push(() => rmSync(folder, { recursive: true, force: true }));
	const places = { DATABASE_URL: server.url, PUBLIC_URL: proxy.url, TMPDIR: folder, PATH: process.env["PATH"] ?? "" };
	const env = { ...settings(plan), ...provider.env, ...places };
	const nodes = ports.map((port, i) => {
		const deadlineMs = plan.deadlineMs + i; // a claim says by its length whose it is
		const deadlines = { ATTEMPT_DEADLINE_MS: String(deadlineMs), PROVIDER_DEADLINE_MS: String(deadlineMs) };
		return clusterNode({ name: `process ${i + 1}`, port, leaseMs: 2 * deadlineMs + 1000 * plan.marginS }, { ...env, ...deadlines });
	});
	undo.push(() => Promise.all(nodes.map(({ kill }) => kill())));
	await Promise.all(nodes.map(({ start }) => start()));
	return { server, sql, provider, receiver, proxy, nodes };
}
export type Cluster = Awaited<ReturnType<typeof startCluster>>;
