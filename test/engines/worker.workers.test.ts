import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openEdge } from "../../src/worker/open.ts";
import { workerConfig } from "../../src/worker/settings.ts";
import worker from "../../src/worker.ts";
import { emptyD1 } from "../support/workers/d1.ts";

const KEY = "test-api-key-0123456789";
const SETTINGS = {
	JOBHOOK_MASTER_KEY: Buffer.from(new Uint8Array(32).fill(7)).toString("base64"),
	JOBHOOK_API_KEY: KEY,
	PUBLIC_URL: "https://jobs.example.com",
	LOG_LEVEL: "silent",
};
const bound = { ...env, ...SETTINGS };
const get = (path: string) => new Request(`https://jobs.example.com${path}`, { headers: { authorization: `Bearer ${KEY}` } });

beforeEach(async () => {
	vi.spyOn(console, "error").mockImplementation(() => {});
	await emptyD1();
});
afterEach(() => vi.restoreAllMocks());

describe("a Worker that lacks a setting answers every request with the command that sets it", () => {
	it.each([
		[
			"a master key",
			{ JOBHOOK_MASTER_KEY: "" },
			"openssl rand -base64 32 | tee jobhook-master.key | npx wrangler secret put JOBHOOK_MASTER_KEY",
		],
		["a usable master key", { JOBHOOK_MASTER_KEY: "short" }, "JOBHOOK_MASTER_KEY must be base64 of 32 bytes"],
		["its own address", { PUBLIC_URL: "" }, "PUBLIC_URL is not set"],
		["a place for the sandbox", { SANDBOX: "1" }, "SANDBOX is 1"],
	])("%s", async (_, over, words) => {
		const response = await worker.fetch(get("/v1/jobs"), { ...bound, ...over });
		expect(response.status).toBe(500);
		expect(await response.text()).toContain(words);
		expect(() => worker.scheduled(null, { ...bound, ...over })).toThrow(words.split(" ")[0]);
	});

	it("and says nothing of the values", async () => {
		const response = await worker.fetch(get("/healthz"), { ...bound, JOBHOOK_MASTER_KEY: "a-secret-that-is-no-key" });
		expect(await response.text()).not.toContain("a-secret-that-is-no-key");
	});
});

describe("a Worker whose database", () => {
	afterEach(() => env.DB.exec("ALTER TABLE hidden RENAME TO d1_migrations").catch(() => {}));

	it("was never migrated says how, and answers /healthz", async () => {
		await env.DB.exec("ALTER TABLE d1_migrations RENAME TO hidden");
		const edge = openEdge(bound);
		const response = await edge.fetch(get("/v1/jobs"));
		expect(response.status).toBe(503);
		expect(await response.text()).toContain("npx wrangler d1 migrations apply DB --remote");
		expect((await edge.fetch(get("/healthz"))).status).toBe(200);
		await env.DB.exec("ALTER TABLE hidden RENAME TO d1_migrations");
		expect((await edge.fetch(get("/v1/jobs"))).status).toBe(200);
	});

	it("has more migrations than its code goes on, so that a deploy can be rolled back", async () => {
		await env.DB.exec("INSERT INTO d1_migrations (name) VALUES ('9999_later.sql')");
		expect((await openEdge(bound).fetch(get("/v1/jobs"))).status).toBe(200);
		await env.DB.exec("DELETE FROM d1_migrations WHERE name = '9999_later.sql'");
	});
});

it("a Worker keeps what ended for 7 days, or as long as RETAIN_JOBS_D says", () => {
	expect(workerConfig(bound).retainJobsMs).toBe(7 * 86_400_000);
	expect(workerConfig({ ...bound, RETAIN_JOBS_D: "20" }).retainJobsMs).toBe(20 * 86_400_000);
	expect(workerConfig({ ...bound, RETAIN_JOBS_D: 60 }).retainJobsMs).toBe(60 * 86_400_000); // as wrangler.toml writes it
	expect(() => workerConfig({ ...bound, RETAIN_JOBS_D: [60] })).toThrow("RETAIN_JOBS_D must be text");
});

it("a Worker takes a request, a message and its minute", async () => {
	expect((await worker.fetch(get("/readyz"), bound)).status).toBe(200);
	expect(await (await worker.fetch(get("/v1/jobs"), bound)).json()).toMatchObject({ data: [] });
	await worker.scheduled(null, bound);
	const ends: string[] = [];
	const message = { id: "m1", timestamp: new Date(), attempts: 1, body: { kind: "delivery" as const, id: "dlv_of_nobody" } };
	const messages = [{ ...message, ack: () => void ends.push("acked"), retry: () => void ends.push("retried") }];
	await worker.queue({ queue: "jobhook-due", messages } as unknown as Parameters<typeof worker.queue>[0], bound);
	expect(ends).toEqual(["acked"]);
	const submit = new Request("https://jobs.example.com/v1/jobs", {
		method: "POST",
		headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
		body: JSON.stringify({ provider: "deapi", type: "txt2img", model: "m", input: { prompt: "p" } }),
	});
	expect((await worker.fetch(submit, bound)).status).toBe(422); // no provider is configured here
});
