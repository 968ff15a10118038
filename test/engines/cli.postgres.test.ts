import postgres from "postgres";
import { beforeEach, describe, expect, inject, it } from "vitest";
import { jobhook, jsonOf } from "../support/cli.ts";
import { newDatabase } from "../support/postgres/database.ts";
import { scratch } from "../support/process.ts";

/* The built commands. What they do with their words is tested on SQLite; here, that they do it on a server, too. */
const MASTER_KEY = Buffer.alloc(32, 5).toString("base64");

describe.skipIf(inject("postgresUrl") === null)("the commands on PostgreSQL", { timeout: 30_000 }, () => {
	let url: string;
	let name: string;
	beforeEach(async () => {
		url = await newDatabase();
		name = url.replace(/\/\/[^@]*@/, "//");
	});
	const run = (args: string[], more: Record<string, string> = {}, input = "") =>
		jobhook([...args, "--json"], { cwd: scratch(), env: { DATABASE_URL: url, JOBHOOK_MASTER_KEY: MASTER_KEY, ...more }, input });
	const asAdmin = async (text: string) => {
		const sql = postgres(url, { max: 1, onnotice: () => {} });
		const rows = await sql.unsafe(text);
		await sql.end();
		return rows;
	};
	const refused = async (...args: string[]) => {
		const ran = await run(args);
		expect([ran.code, ran.err.trimEnd().split("\n").length]).toEqual([1, 1]);
		return ran.err.trimEnd();
	};

	it("make the tables once, then apps, keys and secrets, and list them", async () => {
		expect(jsonOf(await run(["migrate"]))).toMatchObject({ ok: true, database: name, applied: expect.any(Number) });
		expect(jsonOf(await run(["migrate"]))).toMatchObject({ applied: 0 });
		expect(jsonOf(await run(["apps", "create", "shop"]))).toMatchObject({ name: "shop" });
		const key = jsonOf<{ id: string }>(await run(["keys", "create", "--app", "shop"]));
		expect(jsonOf(await run(["keys", "list", "--app", "shop"]))).toMatchObject({ data: [{ id: key.id }] });
		expect(jsonOf(await run(["keys", "revoke", key.id, "--app", "shop"]))).toMatchObject({ id: key.id });
		expect(jsonOf(await run(["secrets", "rotate"]))).toMatchObject({ callback_secret: expect.stringMatching(/^whsec_/) });
		const imported = await run(["keys", "import", "--provider", "deapi", "--key-stdin"], {}, "a-key-of-the-provider-0123\n");
		expect(jsonOf(imported)).toMatchObject({ account: "deapi:imported" });
		for (const list of ["apps", "jobs", "deliveries"]) expect((await run([list, "list"])).code).toBe(0);
		expect(await refused("jobs", "show", "job_00000000000000000000000000000000")).toContain("has no job");
	});

	it("refuse a database without tables of jobhook and write nothing to it, unless they are asked to make them", async () => {
		expect(await refused("keys", "list")).toBe(
			`${name} has no tables of jobhook: set DATABASE_URL to the service's, or make them with \`jobhook migrate\``,
		);
		expect(await asAdmin("SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace")).toEqual([]);
		expect((await run(["keys", "create", "--init"])).code).toBe(0);
	});

	it("ask for `jobhook migrate` on an older database, and on a newer one for the version that wrote it", async () => {
		await run(["migrate"]);
		await asAdmin("INSERT INTO jobhook_migrations (name, sha256) VALUES ('9999_later', '')");
		expect(await refused("keys", "list")).toBe(`${name} is newer than this jobhook: use the version that wrote it`);
		await asAdmin("DELETE FROM jobhook_migrations");
		expect(await refused("keys", "list")).toBe(`${name} is older than this jobhook: bring it up with \`jobhook migrate\``);
	});

	it("refuse to work without the master key, or with another one", async () => {
		await run(["migrate"]);
		const without = await run(["keys", "list"], { JOBHOOK_MASTER_KEY: "" });
		expect([without.code, without.err]).toEqual([1, expect.stringMatching(/^JOBHOOK_MASTER_KEY is not set.*openssl rand -base64 32/)]);
		const other = await run(["keys", "list"], { JOBHOOK_MASTER_KEY: Buffer.alloc(32, 6).toString("base64") });
		expect([other.code, other.err]).toEqual([1, expect.stringMatching(/^JOBHOOK_MASTER_KEY does not open the secrets/)]);
	});

	it("leave the backup to pg_dump, and say how", async () => {
		await run(["migrate"]);
		expect(await refused("backup", "copy")).toMatch(/pg_dump --format=custom --file=jobhook\.dump "\$DATABASE_URL"/);
	});

	it("start says that a port is taken in one line, and ends", async () => {
		const { code, err } = await run(["start"], { PORT: new URL(url).port, LOG_LEVEL: "silent" });
		expect([code, err]).toEqual([1, expect.stringMatching(/^.*EADDRINUSE.*\n$/)]);
	});
});
