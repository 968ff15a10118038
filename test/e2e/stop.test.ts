import Database from "better-sqlite3";
import { describe, expect, it, vi } from "vitest";
import { JOB, type Service } from "../support/launch.ts";
import { gate, provider, receiver, service } from "../support/process.ts";

const soon = { timeout: 20_000, interval: 25 };
const submit = (to: Service, body: object) =>
	to.call<{ id: string }>("/v1/jobs", { method: "POST", body: JSON.stringify({ ...JOB, ...body }) });
const onlyTheEnd = (url: string) => ({ webhook_url: url, webhook_events: ["job.completed"] });

/** What a stopped service left in its file. */
function rows<T>(of: Service, sql: string): T[] {
	const db = new Database(of.database, { readonly: true });
	try {
		return db.prepare<[], T>(sql).all();
	} finally {
		db.close();
	}
}
const ATTEMPTS = "SELECT n, outcome, reason, count(*) AS times FROM attempts GROUP BY n, outcome, reason ORDER BY n";
const DELIVERIES = "SELECT state, attempts, failures, count(*) AS times FROM deliveries GROUP BY state, attempts, failures";

describe("stopped with SIGTERM", () => {
	it("takes nothing new, lets 200 attempts in flight finish, writes each down and exits 0: no copy is ever sent", async () => {
		const deapi = await provider({ balance: 1e6 });
		const jobhook = await service({ ...deapi.env, ATTEMPT_DEADLINE_MS: "20000", LANE_CONCURRENCY: "200", LOG_LEVEL: "info" });
		const [all, stopping] = [gate(), gate()];
		const hooks = await receiver(async (_, n) => {
			if (n === 200) all.open();
			await stopping.opened;
			return 200;
		});
		await Promise.all(Array.from({ length: 200 }, () => submit(jobhook, onlyTheEnd(hooks.url))));
		await all.opened;
		const exit = jobhook.signal("SIGTERM");
		await vi.waitFor(() => expect(fetch(`http://127.0.0.1:${jobhook.port}/healthz`)).rejects.toThrow(), soon);
		stopping.open();
		expect(await exit).toBe(0);
		expect(rows(jobhook, ATTEMPTS)).toEqual([{ n: 1, outcome: "delivered", reason: "acknowledged", times: 200 }]);
		expect(rows(jobhook, DELIVERIES)).toEqual([{ state: "delivered", attempts: 1, failures: 0, times: 200 }]);

		await jobhook.start();
		const last = await submit(jobhook, onlyTheEnd(hooks.url));
		await vi.waitFor(async () => expect(await jobhook.call(`/v1/jobs/${last.id}`)).toMatchObject({ state: "completed" }), soon);
		await vi.waitFor(() => expect(hooks.received).toHaveLength(201), soon);
		expect(new Set(hooks.received.map(({ headers }) => headers["webhook-id"])).size).toBe(201);
	});

	it("cuts a callback that outlasts the drain, says so, and charges it to nobody", async () => {
		const deapi = await provider();
		const jobhook = await service({ ...deapi.env, ATTEMPT_DEADLINE_MS: "20000", DRAIN_S: "0" });
		const arrived = gate();
		const hooks = await receiver((_, n) => {
			arrived.open();
			return n === 1 ? new Promise<number>(() => {}) : 200;
		});
		await submit(jobhook, onlyTheEnd(hooks.url));
		await arrived.opened;
		expect(await jobhook.signal("SIGTERM")).toBe(0);
		expect(rows(jobhook, ATTEMPTS)).toEqual([{ n: 1, outcome: "interrupted", reason: "stopped", times: 1 }]);
		expect(rows(jobhook, DELIVERIES)).toEqual([{ state: "pending", attempts: 1, failures: 0, times: 1 }]);

		await jobhook.start();
		await vi.waitFor(() => expect(hooks.received).toHaveLength(2), soon);
		const [first, second] = hooks.received;
		expect(second?.headers["webhook-id"]).toBe(first?.headers["webhook-id"]);
		expect(second?.body).toBe(first?.body);
	});

	it("never cuts a send to a provider, whatever the drain: its answer is waited for and written down", async () => {
		const deapi = await provider({ calls: [{ call: "txt2img", times: 1, hangMs: 700, createFirst: true }] });
		const jobhook = await service({ ...deapi.env, DRAIN_S: "0" });
		await submit(jobhook, {});
		await vi.waitFor(async () => expect(await deapi.calls("txt2img")).toBe(1), soon);
		expect(await jobhook.signal("SIGTERM")).toBe(0);
		expect(rows(jobhook, "SELECT state, reason, provider_job_id IS NOT NULL AS known FROM submissions")).toEqual([
			{ state: "accepted", reason: null, known: 1 },
		]);
	});
});

it("a stop answers whoever waits for a job's end with the job as it is, instead of hanging up", async () => {
	const deapi = await provider({ jobs: { processingMs: 600_000 } });
	const jobhook = await service(deapi.env);
	const waiting = jobhook.call<{ id: string; state: string }>("/v1/jobs?wait=60", { method: "POST", body: JSON.stringify(JOB) });
	await vi.waitFor(async () => expect(await deapi.calls("txt2img")).toBe(1), { timeout: 10_000, interval: 20 });
	const exit = jobhook.signal("SIGTERM");
	expect(["queued", "submitted", "processing"]).toContain((await waiting).state);
	expect(await exit).toBe(0);
});
