import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { sql } from "drizzle-orm";
import { expect, it, onTestFinished, vi } from "vitest";
import { newId } from "../../src/core/ids.ts";
import { compileSql } from "../../src/db/compile.ts";
import { insertRow } from "../../src/db/insert.ts";
import { deliveries, events, jobs } from "../../src/db/schema.ts";
import { openDatabase } from "../../src/node/database.ts";
import { ROOT, type Service } from "../support/launch.ts";
import { receiver, service } from "../support/process.ts";

/** Leases and sweeps as short as they go, so that a killed claim comes back soon. */
const QUICK = {
	LEASE_MARGIN_S: "0",
	ATTEMPT_DEADLINE_MS: "500",
	SWEEP_EVERY_S: "1",
	LOG_LEVEL: "info",
	RETRY_DELAYS_S: Array(20).fill("1").join(),
};
const AT_ONCE = 10;
const HOUR = 3_600_000;
const insert = { job: insertRow(jobs), event: insertRow(events), delivery: insertRow(deliveries) };
const appOf = compileSql<unknown, { id: string }>(["id"], () => sql`SELECT id FROM apps`);
const arrivedRows = compileSql<unknown, { rows: number }>(["rows"], () => sql`SELECT count(*) FROM deliveries WHERE state = 'delivered'`);

/** Exhausted deliveries of an endpoint, one made each millisecond, written beside the running service. */
async function seed(file: string, endpoint: string, count: number, from: number): Promise<string[]> {
	const db = openDatabase({ databasePath: file });
	const ids: string[] = [];
	const appId = (await db.read(appOf.bind({})))[0]!.id;
	for (let at = 0; at < count; at += 250) {
		const work = Array.from({ length: Math.min(250, count - at) }, (_, i) => {
			const createdAt = from + at + i;
			const [id, eventId, jobId] = [newId("dlv", createdAt), newId("evt", createdAt), newId("job", createdAt)];
			ids.push(id);
			const of = { appId, jobId };
			const none = { inputBlob: null, metadata: null, webhookUrl: null, webhookSecret: null, webhookEvents: null };
			const what = { provider: "deapi", type: "txt2img", model: "m", state: "completed" as const, submissionId: newId("sub", createdAt) };
			const times = { createdAt, startedAt: createdAt, endedAt: createdAt, errorCode: null, errorMessage: null };
			const body = JSON.stringify({ id: eventId, type: "job.completed" });
			const lane = { target: endpoint, laneId: endpoint, nextAttemptAt: null, claimId: null, claimedAt: null };
			const spent = { attempts: 12, failures: 12, reason: "http_500", armedAt: createdAt, createdAt, endedAt: createdAt };
			return [
				insert.job.bind({ id: jobId, appId, ...what, revision: 1, eventId, input: "{}", ...none, ...times }),
				insert.event.bind({ id: eventId, ...of, type: "job.completed", revision: 1, body, createdAt }),
				insert.delivery.bind({ id, ...of, eventId, eventType: "job.completed", state: "exhausted", ...lane, ...spent }),
			];
		});
		await db.batch(work.flat());
	}
	await db.close();
	return ids;
}

interface Recovery {
	id: string;
	state: string;
	total: number;
	recovered: number;
}
/** A service with an endpoint that is told nothing new, and a receiver that notes which deliveries it was sent. */
async function setting(env: Record<string, string>) {
	const hooks = await receiver();
	const jobhook = await service({ ...QUICK, ...env });
	const post = <T>(at: string, body: object) => jobhook.call<T>(at, { method: "POST", body: JSON.stringify(body) });
	const { id: endpoint } = await post<{ id: string }>("/v1/endpoints", { url: hooks.url, event_types: ["job.canceled"] });
	const recover = (since: number, until: number) =>
		post<Recovery>(`/v1/endpoints/${endpoint}/recover`, { since: new Date(since).toISOString(), until: new Date(until).toISOString() });
	const read = ({ id }: Recovery) => jobhook.call<Recovery>(`/v1/endpoints/${endpoint}/recoveries/${id}`);
	const sent = () => hooks.received.map(({ headers }) => String(headers["jobhook-delivery"]));
	return { hooks, jobhook, endpoint, recover, read, sent };
}

/** Kills the service whenever about so much has arrived, and starts it again. */
async function kills(jobhook: Service, arrived: () => number, at: readonly number[]): Promise<void> {
	for (const count of at) {
		await vi.waitFor(() => expect(arrived()).toBeGreaterThanOrEqual(count), { timeout: 40_000, interval: 5 });
		await jobhook.signal("SIGKILL");
		await jobhook.start();
	}
}
const delivered = (file: string) => {
	const db = openDatabase({ databasePath: file });
	onTestFinished(() => db.close());
	return async () => (await db.read(arrivedRows.bind({})))[0]?.rows ?? 0;
};

it("fault 26: a recovery of 10,000 through three kills delivers every one, in order, and repeats only what was in flight", async () => {
	const { jobhook, endpoint, recover, read, sent } = await setting({ RECOVER_PER_S: "1000" });
	const from = Date.now() - HOUR;
	const ids = await seed(jobhook.database, endpoint, 10_000, from);
	const recovery = await recover(from, from + HOUR);
	expect(recovery).toMatchObject({ state: "running", total: 10_000 });

	await kills(
		jobhook,
		() => sent().length,
		[1500, 4500, 8000].map((count) => count + Math.floor(Math.random() * 1000)),
	);
	const rows = delivered(jobhook.database);
	await vi.waitFor(async () => expect(await rows()).toBe(10_000), { timeout: 40_000, interval: 100 });
	const over = { state: "finished", total: 10_000, recovered: 10_000 };
	await vi.waitFor(async () => expect(await read(recovery)).toMatchObject(over), { timeout: 10_000, interval: 100 }); // a last look finds nothing more

	const all = sent();
	const first = [...new Set(all)];
	expect(new Set(first)).toEqual(new Set(ids));
	expect(all.length - first.length).toBeLessThanOrEqual(3 * AT_ONCE);
	// nothing is sent before its turn, but for what a kill has put behind it
	const place = new Map(ids.map((id, n) => [id, n]));
	const early = Math.max(...first.map((id, n) => place.get(id)! - n));
	expect(early).toBeLessThanOrEqual(4 * AT_ONCE);
}, 90_000);

it("three recoveries over parts of a range at once, through a kill, deliver every one", async () => {
	const { jobhook, endpoint, recover, read, sent } = await setting({ RECOVER_PER_S: "200" });
	const from = Date.now() - HOUR;
	const ids = await seed(jobhook.database, endpoint, 1500, from);
	const parts = await Promise.all([0, 1, 2].map((n) => recover(from + n * 500, from + (n + 1) * 500)));
	expect(parts.map(({ total }) => total)).toEqual([500, 500, 500]);
	await kills(jobhook, () => sent().length, [600]);
	const rows = delivered(jobhook.database);
	await vi.waitFor(async () => expect(await rows()).toBe(1500), { timeout: 30_000, interval: 100 });
	expect(new Set(sent())).toEqual(new Set(ids));
	expect(sent().length - ids.length).toBeLessThanOrEqual(AT_ONCE);
	for (const part of parts)
		await vi.waitFor(async () => expect(await read(part)).toMatchObject({ state: "finished", recovered: 500 }), {
			timeout: 10_000,
			interval: 100,
		});
}, 60_000);

it("a recovery by command is left to the service at ctrl-C, and done when there is one", async () => {
	const { jobhook, endpoint, sent } = await setting({});
	const ids = await seed(jobhook.database, endpoint, 3, Date.now() - HOUR);
	await jobhook.signal("SIGKILL");
	const args = [path.join(ROOT, "dist/cli.js"), "endpoints", "recover", endpoint, "--since", "2020-01-01", "--json"];
	const command = spawn(process.execPath, args, { env: { DATABASE_URL: jobhook.database, RECOVER_PER_S: "1" } });
	let [out, err] = ["", ""];
	command.stdout.on("data", (chunk) => {
		out += chunk;
	});
	command.stderr.on("data", (chunk) => {
		err += chunk;
	});
	const closed = once(command, "close");
	await vi.waitFor(() => expect(err).toContain("1 of 3 due again"), { timeout: 15_000, interval: 20 });
	command.kill("SIGINT");
	expect([await closed, JSON.parse(out)]).toEqual([[0, null], expect.objectContaining({ state: "running", total: 3, recovered: 1 })]);
	expect(err).toContain("goes on in the running service");
	await jobhook.start();
	await vi.waitFor(() => expect(new Set(sent())).toEqual(new Set(ids)), { timeout: 20_000, interval: 50 });
}, 60_000);
