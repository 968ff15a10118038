import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import postgres from "postgres";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { startPostgresServer } from "../../src/demo/postgres-server.ts";
import { ROOT } from "../support/launch.ts";
import { scratch } from "../support/process.ts";

/* The built demo on PostgreSQL: a server of its own, or a corner of somebody's. */
const server = await startPostgresServer().catch((e: Error) => {
	if (process.env["CI"] || process.env["REQUIRE_PG"]) throw e;
	console.error(`\nTHE DEMO ON POSTGRESQL IS NOT TESTED: ${e.message}\n`);
	return null;
});
afterAll(() => server?.stop());

/** As root the demo runs PostgreSQL as nobody, who must get in. */
function open(): string {
	const folder = scratch();
	chmodSync(folder, 0o755);
	return folder;
}

function demo(folder: string, env: Record<string, string> = {}) {
	const args = [path.join(ROOT, "dist/demo.js"), "--engine", "postgres", "--json"];
	const child = spawn(process.execPath, args, { cwd: folder, env: { PATH: process.env["PATH"] ?? "", TMPDIR: folder, ...env } });
	onTestFinished(() => void child.kill("SIGTERM"));
	const said = { out: "", err: "" };
	child.stdout.on("data", (chunk) => {
		said.out += chunk;
	});
	child.stderr.on("data", (chunk) => {
		said.err += chunk;
	});
	const ended = once(child, "close").then(([code]) => code as number | null);
	return { child, said, ended };
}
const summaryOf = ({ out }: { out: string }) => JSON.parse(out.trimEnd().split("\n").at(-1) ?? "");
const temporary = (folder: string) => readdirSync(folder).filter((name) => name.startsWith("jobhook-"));
/** Processes that run in this folder or were told of it. */
const livingIn = (folder: string) =>
	readdirSync("/proc").filter((pid) => {
		try {
			return /^\d+$/.test(pid) && ["cmdline", "environ"].some((name) => readFileSync(`/proc/${pid}/${name}`, "latin1").includes(folder));
		} catch {
			return false; // gone meanwhile
		}
	});

describe.skipIf(server === null)("the demo on PostgreSQL", () => {
	it("ends like the others on a server of its own, and leaves nothing running and nothing behind", async () => {
		const folder = open();
		const { said, ended } = demo(folder);
		expect([await ended, said.err]).toEqual([0, ""]);
		const summary = summaryOf(said);
		expect(Object.keys(summary)).toEqual(["ok", "provider", "job_id", "steps", "verified", "duplicate_effects", "artifact"]);
		expect(summary).toMatchObject({ ok: true, verified: { standard_webhooks: true, deapi: true }, duplicate_effects: 0 });
		expect(existsSync(path.join(folder, summary.artifact))).toBe(true);
		expect([livingIn(folder), temporary(folder)]).toEqual([[], []]);
	});

	it("keeps to a schema of its own on the server of DATABASE_URL, and takes it away", async () => {
		const sql = postgres(server?.url ?? "", { max: 1 });
		onTestFinished(() => sql.end());
		const all = () => sql`SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace ORDER BY 1, 2`;
		const before = await all();
		const { said, ended } = demo(scratch(), { DATABASE_URL: server?.url ?? "" });
		expect([await ended, said.err]).toEqual([0, ""]);
		expect(summaryOf(said)).toMatchObject({ ok: true, duplicate_effects: 0 });
		expect(await all()).toEqual(before);
	});

	it.each([
		["a server of its own", () => ({})],
		["the server of DATABASE_URL", () => ({ DATABASE_URL: server?.url ?? "" })],
	])("that is interrupted on %s leaves nothing either", async (_, env) => {
		const sql = postgres(server?.url ?? "", { max: 1 });
		onTestFinished(() => sql.end());
		const folder = open();
		const { child, ended } = demo(folder, env());
		for await (const line of createInterface(child.stdout)) if (line.includes("started")) break;
		child.kill("SIGINT");
		expect(await ended).toBe(1);
		await expect.poll(() => livingIn(folder)).toEqual([]);
		expect(temporary(folder)).toEqual([]);
		expect(await sql`SELECT 1 FROM pg_namespace WHERE nspname LIKE 'jobhook_demo%'`).toEqual([]);
	});

	it("says why where there is no server at DATABASE_URL, and never its password", async () => {
		const { said, ended } = demo(scratch(), { DATABASE_URL: "postgres://me:hunter2@127.0.0.1:9/jobhook" });
		expect(await ended).toBe(1);
		expect(said.err).toContain("ECONNREFUSED");
		expect(said.out + said.err).not.toContain("hunter2");
	});
});
