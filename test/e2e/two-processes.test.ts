import path from "node:path";
import Database from "better-sqlite3";
import { expect, it, vi } from "vitest";
import { JOB } from "../support/launch.ts";
import { provider, receiver, scratch, service } from "../support/process.ts";

const JOBS = 150;

it("two processes of the service on one file share its work: nothing is lost, sent twice to the provider, or told twice", async () => {
	const deapi = await provider({ balance: 1e6, jobs: { processingMs: 0 } });
	const folder = scratch();
	const env = { ...deapi.env, SWEEP_EVERY_S: "1", BACKPRESSURE_S: "0", LANE_CONCURRENCY: "100" };
	const services = await Promise.all([service(env, folder), service(env, folder)]);
	const hooks = await receiver();
	const submit = async (i: number, attempt = 0): Promise<string> => {
		// the same key at both: whoever comes first makes the job
		const init = { method: "POST", headers: { "idempotency-key": `job-${i}` } };
		const body = JSON.stringify({ ...JOB, webhook_url: hooks.url });
		const [one, other] = await Promise.all(
			(i % 2 === 0 ? services : services.toReversed()).map((to) => to.call<{ id?: string }>("/v1/jobs", { ...init, body })),
		);
		if (one?.id !== undefined && one.id === other?.id) return one.id;
		if (attempt > 20 || (one?.id && other?.id)) throw new Error(`job ${i}: ${JSON.stringify([one, other])}`);
		return submit(i, attempt + 1); // 503: not written, to be sent again
	};
	const ids = await Promise.all(Array.from({ length: JOBS }, (_, i) => submit(i)));
	expect(new Set(ids).size).toBe(JOBS);

	const db = new Database(path.join(folder, "jobhook.db"), { readonly: true });
	const count = (sql: string) => db.prepare<[], number>(sql).pluck().get();
	const soon = { timeout: 20_000, interval: 50 };
	await vi.waitFor(() => expect(count("SELECT count(*) FROM jobs WHERE state = 'completed'")).toBe(JOBS), soon);
	await vi.waitFor(() => expect(count("SELECT count(*) FROM deliveries WHERE state NOT IN ('delivered', 'superseded')")).toBe(0), soon);

	expect(count("SELECT count(*) FROM jobs")).toBe(JOBS);
	expect(count("SELECT count(*) FROM submissions")).toBe(JOBS);
	expect(await deapi.calls("txt2img")).toBe(JOBS);
	expect(count("SELECT count(*) FROM events WHERE type = 'job.completed'")).toBe(JOBS);
	const told = hooks.received.map(({ headers }) => String(headers["webhook-id"]));
	expect(new Set(told).size).toBe(told.length);
	expect(count("SELECT count(*) FROM attempts WHERE outcome <> 'delivered'")).toBe(0);
	const ends = hooks.received.filter(({ headers }) => headers["x-deapi-event"] === "job.completed");
	expect(ends).toHaveLength(JOBS);
	expect(await Promise.all(services.map((one) => one.signal("SIGTERM")))).toEqual([0, 0]);
	db.close();
});
