import { env } from "cloudflare:workers";
import { beforeAll, expect, it } from "vitest";
import { ensureDefaultApp } from "../../src/access/apps.ts";
import { createKey } from "../../src/access/keys.ts";
import { Secretbox } from "../../src/core/secretbox.ts";
import { insertRow } from "../../src/db/insert.ts";
import { jobs } from "../../src/db/schema.ts";
import { openD1 } from "../../src/worker/d1.ts";
import worker from "../../src/worker.ts";
import { jobRow } from "../suite/store/rows.ts";

const masterKey = new Uint8Array(32).fill(7);
const bindings = { ...env, DB: env.DB, JOBHOOK_MASTER_KEY: Buffer.from(masterKey).toString("base64") };
const get = (path: string, key?: string) =>
	worker.fetch(new Request(`https://jobs.example.com${path}`, key ? { headers: { authorization: `Bearer ${key}` } } : {}), bindings);

const job = "job_019bc1352808764cb8c0339c8c71a980";
let key = "";
beforeAll(async () => {
	const ports = { db: openD1(env.DB), clock: { now: () => 1_800_000_000_000 }, secrets: new Secretbox([masterKey]) };
	const app = await ensureDefaultApp(ports);
	await ports.db.batch([insertRow(jobs).bind(jobRow(job, { appId: app.id }))]);
	key = (await createKey(ports, app.id, { name: "test", scopes: ["admin"] })).key;
});

it("a worker answers health and readiness on D1", async () => {
	expect(await (await get("/healthz")).json()).toEqual({ status: "ok" });
	expect(await (await get("/readyz")).json()).toEqual({ status: "ready" });
});

it("a worker shows a job and its timeline to the key of its app, and to nobody else", async () => {
	const shown = await get(`/v1/jobs/${job}`, key);
	expect(shown.status).toBe(200);
	expect(await shown.json()).toMatchObject({ id: job });
	expect((await get(`/v1/jobs/${job}/timeline`, key)).status).toBe(200);
	expect((await get(`/v1/jobs/${job}`)).status).toBe(401);
	expect((await get("/v1/jobs/job_00000000000000000000000000000000", key)).status).toBe(404);
});

it("a worker takes no submit: it would be recorded and never sent", async () => {
	const request = new Request("https://jobs.example.com/v1/jobs", {
		method: "POST",
		body: "{}",
		headers: { authorization: `Bearer ${key}` },
	});
	expect((await worker.fetch(request, bindings)).status).toBe(404);
});
