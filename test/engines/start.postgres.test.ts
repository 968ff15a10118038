import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import postgres from "postgres";
import { beforeAll, describe, expect, inject, it, onTestFinished, vi } from "vitest";
import { BadSettings, loadConfig } from "../../src/config.ts";
import { startPostgresServer } from "../../src/demo/postgres-server.ts";
import type { Log } from "../../src/deps.ts";
import { createApp } from "../../src/http/app.ts";
import { startGateway } from "../../src/node/gateway.ts";
import { openStore } from "../../src/node/open-store.ts";
import { Refused } from "../../src/node/refused.ts";
import { freePort, JOB, ROOT } from "../support/launch.ts";
import { newDatabase } from "../support/postgres/database.ts";
import { provider } from "../support/process.ts";

const MASTER_KEY = Buffer.alloc(32, 5).toString("base64");
const PASSWORD = "hunter2-very-secret";
const API_KEY = "start-api-key-0123456789";
const KEY = { authorization: `Bearer ${API_KEY}`, "content-type": "application/json" };
const soon = { timeout: 15_000, interval: 20 };
const SERVICE = { schema: "migrate", patienceMs: 0 } as const;

/** A log that keeps its lines as text. */
function kept() {
	const lines: string[] = [];
	const add = (fields: object, what: string) =>
		void lines.push(
			JSON.stringify({ what, ...fields }, (_, value) => (value instanceof Error ? `${value.stack} ${String(value.cause)}` : value)),
		);
	return { lines, log: { info: add, warn: add, error: add } satisfies Log };
}
const configOf = (url: string, env: Record<string, string> = {}) =>
	loadConfig({
		DATABASE_URL: url,
		JOBHOOK_MASTER_KEY: MASTER_KEY,
		JOBHOOK_API_KEY: API_KEY,
		DEAPI_API_KEY: "sk-none",
		DEAPI_BASE_URL: "http://127.0.0.1:9", // nobody is there
		PORT: "0",
		...env,
	});
/** The same database, asked for by a user with a password; the tests' server trusts everybody. */
const withPassword = (url: string) => url.replace(/\/\/[^@]*@/, `//postgres:${PASSWORD}@`);
const refusalOf = (opening: Promise<unknown>) => opening.then(() => null).catch((e: unknown) => e as Error);

describe.skipIf(inject("postgresUrl") === null)("a service on PostgreSQL", () => {
	let url: string;
	let admin: postgres.Sql;
	beforeAll(async () => {
		url = await newDatabase();
		admin = postgres(url, { max: 1, onnotice: () => {} });
		return () => admin.end();
	});
	const connections = () =>
		admin`SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'jobhook'`.then((rows) => rows.length);
	async function started(env: Record<string, string> = {}, log = kept().log, at = url) {
		const gateway = await startGateway(configOf(at, env), log);
		let running = true;
		const stop = async () => {
			if (running) await gateway.stop();
			running = false;
		};
		onTestFinished(stop);
		const ready = async () => (await fetch(`${gateway.url}/readyz`)).status;
		return { ...gateway, stop, ready };
	}

	it("does not start without a master key, and says how to make one", async () => {
		const e = await refusalOf(openStore(loadConfig({ DATABASE_URL: url }), kept().log, SERVICE));
		expect(e).toBeInstanceOf(BadSettings);
		expect(e?.message).toMatch(/^JOBHOOK_MASTER_KEY is not set.*`openssl rand -base64 32`/);
	});

	it("makes its tables, is ready, and leaves no connection open when it stops", async () => {
		const { lines, log } = kept();
		const gateway = await started({}, log, withPassword(url));
		expect(await gateway.ready()).toBe(200);
		expect(await connections()).toBeGreaterThan(0);
		await gateway.stop();
		await vi.waitFor(async () => expect(await connections()).toBe(0), soon);
		const [first] = lines.filter((line) => line.includes("gateway.started"));
		expect(JSON.parse(first ?? "{}").database).toBe(url.replace(/\/\/[^@]*@/, "//"));
		expect(lines.join("\n")).not.toContain(PASSWORD);
	});

	it("sends at once what another process has accepted, which gives it a hint", async () => {
		const deapi = await provider();
		const config = { ...deapi.env, SWEEP_EVERY_S: "3600" };
		const sender = await started(config);
		const listening = () => admin`SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'listen%'`;
		await vi.waitFor(async () => expect(await listening()).toHaveLength(1), soon);
		const store = await openStore(configOf(url, config), kept().log, SERVICE);
		onTestFinished(store.close);
		const acceptor = createApp({ ...sender.deps, ...store, wake: store.tell }); // it has no loop of its own
		const answer = await acceptor.request("/v1/jobs", { method: "POST", headers: KEY, body: JSON.stringify(JOB) });
		expect(answer.status).toBe(202);
		await vi.waitFor(async () => expect(await deapi.calls("txt2img")).toBe(1), soon);
	});

	it("behind a pooler works as well, and listens to nobody there", async () => {
		const gateway = await started({ DATABASE_PREPARE: "0", DATABASE_POOL: "1" });
		expect(await gateway.ready()).toBe(200);
		expect(await admin`SELECT query FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'listen%'`).toEqual([]);
	});

	it("keeps large inputs where every process reads them", async () => {
		const [one, two] = await Promise.all([started(), started()]);
		const input = { input: "fox ".repeat(30_000) };
		const body = JSON.stringify({ provider: "deapi", type: "txt2embedding", model: "Bge_M3_FP16", input });
		const answer = await fetch(`${one.url}/v1/jobs`, { method: "POST", headers: KEY, body });
		expect(answer.status).toBe(202);
		const { id } = (await answer.json()) as { id: string };
		expect(await admin`SELECT key FROM blob_chunks`).toHaveLength(1);
		const read = (await (await fetch(`${two.url}/v1/jobs/${id}`, { headers: KEY })).json()) as { input: unknown };
		expect(read.input).toEqual(input);
	});

	it.each([10, -10])("takes the time from the server where its own clock is %i minutes off", async (minutes) => {
		const port = await freePort();
		const shift = `const now = Date.now; Date.now = () => now() + ${minutes * 60_000};`;
		const child = spawn(
			process.execPath,
			["--import", `data:text/javascript,${encodeURIComponent(shift)}`, path.join(ROOT, "src/node.ts")],
			{
				env: { DATABASE_URL: url, JOBHOOK_MASTER_KEY: MASTER_KEY, JOBHOOK_API_KEY: API_KEY, PORT: String(port) },
				stdio: ["ignore", "pipe", "inherit"],
			},
		);
		onTestFinished(() => void child.kill("SIGKILL"));
		let said = "";
		child.stdout.on("data", (chunk) => {
			said += chunk;
		});
		await vi.waitFor(() => expect(said).toContain("gateway.started"), soon);
		expect(said).toMatch(new RegExp(`"ahead_ms":${minutes < 0 ? "-" : ""}(600|599)\\d{3},`));
		const answer = await fetch(`http://127.0.0.1:${port}/v1/keys`, {
			method: "POST",
			headers: KEY,
			body: JSON.stringify({ name: "now", scopes: ["read"] }),
		});
		const { created_at } = (await answer.json()) as { created_at: string };
		expect(Math.abs(Date.parse(created_at) - Date.now())).toBeLessThan(5000);
		child.kill("SIGTERM");
		expect(await once(child, "exit")).toEqual([0, null]);
	});

	it("refuses a database whose secrets were sealed with another master key", async () => {
		await (await started()).stop();
		const other = configOf(url, { JOBHOOK_MASTER_KEY: Buffer.alloc(32, 6).toString("base64") });
		expect((await refusalOf(openStore(other, kept().log, SERVICE)))?.message).toMatch(/^JOBHOOK_MASTER_KEY does not open the secrets of/);
		const both = configOf(url, { JOBHOOK_MASTER_KEY: [6, 5].map((n) => Buffer.alloc(32, n).toString("base64")).join(",") });
		await (await openStore(both, kept().log, SERVICE)).close();
	});

	it("refuses a database that is newer than it, in one line", async () => {
		const later = await newDatabase();
		await (await openStore(configOf(later), kept().log, SERVICE)).close();
		const sql = postgres(later, { max: 1 });
		await sql`INSERT INTO jobhook_migrations (name, sha256) VALUES ('9999_later', '')`;
		await sql.end();
		expect((await refusalOf(startGateway(configOf(later), kept().log)))?.message).toMatch(/^the database is newer than this jobhook: .*$/);
	});

	it.each([
		["a database that is not there", (to: URL) => Object.assign(to, { pathname: "/nowhere" }), 'database "nowhere" does not exist'],
		[
			"a parameter nobody knows",
			(to: URL) => Object.assign(to, { search: "?colour=blue" }),
			'unrecognized configuration parameter "colour"',
		],
		["a name that is no host's", (to: URL) => Object.assign(to, { host: "nobody.invalid:5432" }), "getaddrinfo"],
		["a name with two addresses where nobody listens", (to: URL) => Object.assign(to, { host: "localhost:9" }), "ECONNREFUSED"],
		["a port where nobody listens", (to: URL) => Object.assign(to, { port: "9" }), "ECONNREFUSED 127.0.0.1:9"],
	])("says in one line that it was given %s, without the password", async (_, change, says) => {
		const e = await refusalOf(openStore(configOf(change(new URL(withPassword(url))).href), kept().log, SERVICE));
		expect(e).toBeInstanceOf(Refused);
		expect(e?.message).toContain(says);
		expect(e?.message).toMatch(/^postgres:\/\/[^@\n]+: .+$/);
		expect(`${e?.stack} ${String(e?.cause)}`).not.toContain(PASSWORD);
	});

	it("does not wait for what waiting does not mend", async () => {
		const at = new URL(url);
		at.pathname = "/nowhere";
		const { lines, log } = kept();
		await refusalOf(openStore(configOf(at.href), log, { schema: "migrate", patienceMs: 60_000 }));
		expect(lines).toEqual([]);
	});

	it("waits for a server that comes later, saying so, and answers 503 at /readyz while it is gone again", { timeout: 60_000 }, async () => {
		const server = await startPostgresServer();
		onTestFinished(server.stop);
		await server.halt();
		const { lines, log } = kept();
		const starting = startGateway(configOf(withPassword(server.url)), log);
		await vi.waitFor(() => expect(lines).toHaveLength(1), soon);
		expect(JSON.parse(lines[0] ?? "")).toMatchObject({ what: "database.waiting", reason: expect.stringContaining("ECONNREFUSED") });
		await server.start();
		const gateway = await starting;
		const ready = async () => (await fetch(`${gateway.url}/readyz`)).status;
		expect(await ready()).toBe(200);
		await server.halt();
		await vi.waitFor(async () => expect(await ready()).toBe(503), soon);
		await server.start();
		await vi.waitFor(async () => expect(await ready()).toBe(200), soon);
		await gateway.stop();
		expect(lines.join("\n")).not.toContain(PASSWORD);
	});

	it("can be stopped while it waits", async () => {
		const child = spawn(process.execPath, [path.join(ROOT, "src/node.ts")], {
			env: { DATABASE_URL: "postgres://127.0.0.1:9/jobhook", JOBHOOK_MASTER_KEY: MASTER_KEY, PORT: "0" },
			stdio: ["ignore", "pipe", "inherit"],
		});
		onTestFinished(() => void child.kill("SIGKILL"));
		const [line] = await once(child.stdout, "data");
		expect(String(line)).toContain("database.waiting");
		child.kill("SIGTERM");
		expect(await once(child, "exit")).toEqual([0, null]);
	});

	it("gives up on a server that never comes, and leaves nothing open that keeps the process alive", async () => {
		const child = spawn(process.execPath, [path.join(ROOT, "src/cli.ts"), "jobs", "list"], {
			env: { DATABASE_URL: `postgres://me:${PASSWORD}@127.0.0.1:9/jobhook`, JOBHOOK_MASTER_KEY: MASTER_KEY },
			stdio: ["ignore", "pipe", "pipe"],
		});
		let said = "";
		for (const stream of [child.stdout, child.stderr])
			stream.on("data", (chunk) => {
				said += chunk;
			});
		expect(await once(child, "close")).toEqual([1, null]);
		expect(said).toBe("postgres://127.0.0.1:9/jobhook: connect ECONNREFUSED 127.0.0.1:9\n");
	});
});
