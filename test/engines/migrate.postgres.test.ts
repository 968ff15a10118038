import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import postgres from "postgres";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { UnfitDatabase } from "../../src/node/migrate.ts";
import { migratePostgres } from "../../src/node/migrate-postgres.ts";
import { openPostgres } from "../../src/node/postgres.ts";
import { Refused } from "../../src/node/refused.ts";
import { ROOT } from "../../src/node/root.ts";
import { newDatabase } from "../support/postgres/database.ts";

const MIGRATIONS = path.join(ROOT, "migrations/postgres");
const KNOWN = readdirSync(MIGRATIONS).length;
/** A statement that waits until the test lets it go. */
const STUCK = "SELECT pg_advisory_xact_lock(7);";

describe.skipIf(inject("postgresUrl") === null)("migrations", () => {
	let url: string;
	let folder: string;
	let admin: postgres.Sql;
	const roles: string[] = [];
	const open: postgres.Sql[] = [];
	const connect = (connection: Record<string, string | number> = {}) => {
		const sql = postgres(url, { max: 2, onnotice: () => {}, connection });
		open.push(sql);
		return sql;
	};
	const newRole = async () => {
		const role = `r${crypto.randomUUID().replaceAll("-", "")}`;
		await admin.unsafe(`CREATE ROLE ${role}; REVOKE CREATE ON SCHEMA public FROM PUBLIC`);
		roles.push(role);
		return role;
	};
	/** Everything that is there, and when each row of the record was written. */
	const state = async () => {
		const there = await admin`SELECT c.oid, n.nspname, relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
			WHERE nspname !~ '^pg_|^information_schema' ORDER BY 1`;
		const recorded = there.some(({ relname }) => relname === "jobhook_migrations");
		return [there, recorded ? await admin`SELECT * FROM jobhook_migrations` : []];
	};
	const tables = (schema: string) => admin`SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = ${schema}::regnamespace`;
	/** This code's migrations and then some. */
	const withMore = (...more: string[]) => {
		const later = path.join(folder, "migrations");
		cpSync(MIGRATIONS, later, { recursive: true });
		for (const [i, text] of more.entries()) writeFileSync(path.join(later, `9${i}_later.sql`), text);
		return later;
	};
	const waiting = () => admin`SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND clock_timestamp() - waitstart > '20 ms'`;
	/** What it was refused with: one line. */
	const refusal = async (migrating: Promise<unknown>) => {
		const error = await migrating.then(
			() => null,
			(e: Error) => e,
		);
		expect(error?.message).not.toContain("\n");
		return error;
	};

	beforeEach(async () => {
		folder = mkdtempSync(path.join(os.tmpdir(), "jobhook-migrate-"));
		url = await newDatabase();
		admin = connect();
	});
	afterEach(async () => {
		for (const role of roles.splice(0)) await admin.unsafe(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
		for (const sql of open.splice(0)) await sql.end({ timeout: 1 });
		rmSync(folder, { recursive: true, force: true });
	});

	it("are applied to an empty database, and not again", async () => {
		expect(await migratePostgres(admin, MIGRATIONS)).toBe(KNOWN);
		await admin`INSERT INTO accounts (id, provider, name, created_at) VALUES ('kept', 'p', 'n', 1)`;
		const before = await state();
		expect(await migratePostgres(admin, MIGRATIONS)).toBe(0);
		expect(await state()).toEqual(before);
		expect(await migratePostgres(admin, withMore("CREATE TABLE later (id text);", "CREATE INDEX later_id ON later (id);"))).toBe(2);
		expect(await admin`SELECT id FROM accounts`).toEqual([{ id: "kept" }]);
	});

	it("are applied once by processes that start on one new database together", async () => {
		const pools = [1, 2, 3].map(() => openPostgres(url, { pool: 2, prepare: true }));
		const applied = await Promise.all(pools.map(({ raw }) => migratePostgres(raw, MIGRATIONS)));
		for (const pool of pools) await pool.close();
		expect(applied.toSorted()).toEqual([0, 0, KNOWN]);
	});

	it("wait for another process longer than a statement may", async () => {
		const holder = await connect().reserve();
		await holder.unsafe("SELECT pg_advisory_lock(7)");
		const first = migratePostgres(connect(), withMore(STUCK));
		await expect.poll(waiting).toHaveLength(1);
		const second = migratePostgres(connect({ lock_timeout: 1, statement_timeout: 10 }), path.join(folder, "migrations"));
		await expect.poll(waiting).toHaveLength(2);
		await holder.unsafe("SELECT pg_advisory_unlock(7)");
		expect(await Promise.all([first, second])).toEqual([KNOWN + 1, 0]);
		holder.release();
	});

	it("leave nothing of a process that was killed in the middle, and the next one makes them all", async () => {
		const holder = await connect().reserve();
		await holder.unsafe("SELECT pg_advisory_lock(7)");
		const code = `import postgres from "postgres"; import { migratePostgres } from "./src/node/migrate-postgres.ts";
			await migratePostgres(postgres(${JSON.stringify(url)}), ${JSON.stringify(withMore(STUCK))});`;
		const killed = spawn(process.execPath, ["--input-type=module", "-e", code], { cwd: ROOT, stdio: "inherit" });
		await expect.poll(waiting, { timeout: 10_000 }).toHaveLength(1);
		killed.kill("SIGKILL");
		await once(killed, "close");
		expect(await tables("public")).toEqual([]);
		const next = migratePostgres(connect(), MIGRATIONS);
		await holder.unsafe("SELECT pg_advisory_unlock(7)");
		expect(await next).toBe(KNOWN);
		expect(await admin`SELECT name FROM jobhook_migrations`).toHaveLength(KNOWN);
		holder.release();
	});

	it("leave nothing when one fails half-way, and can be tried again", async () => {
		await expect(migratePostgres(admin, withMore("CREATE TABLE half (id text); CREATE TABLE nope (;"))).rejects.toThrow(/syntax error/);
		expect(await tables("public")).toEqual([]);
		expect(await migratePostgres(admin, MIGRATIONS)).toBe(KNOWN);
	});

	it.each<[string, (later: string) => unknown, RegExp]>([
		["is a newer version's", (later) => rmSync(path.join(later, "91_later.sql")), /^the database is newer than this jobhook/],
		[
			"was altered after it was applied",
			(later) => writeFileSync(path.join(later, "90_later.sql"), "CREATE TABLE other (id text);"),
			/^the migration 90_later was changed after it was applied/,
		],
		[
			"was never applied, and a later one was",
			() => admin`DELETE FROM jobhook_migrations WHERE name = '90_later'`,
			/^the migration 90_later was never applied/,
		],
		[
			"was applied and is not known",
			() => admin`INSERT INTO jobhook_migrations (name, sha256) VALUES ('5_own', 'x')`,
			/^the database has a migration that this jobhook does not know/,
		],
	])("stop with nothing written where one %s", async (_, change, message) => {
		const later = withMore("CREATE TABLE later (id text);", "CREATE TABLE latest (id text);");
		await migratePostgres(admin, later);
		await change(later);
		const before = await state();
		const error = await refusal(migratePostgres(admin, later));
		expect(error).toBeInstanceOf(UnfitDatabase);
		expect(error?.message).toMatch(message);
		expect(await state()).toEqual(before);
	});

	it.each([
		["a table", "CREATE TABLE jobs (theirs int)"],
		["a view", "CREATE VIEW results AS SELECT 1 AS theirs"],
		["an index", "CREATE TABLE theirs (id int); CREATE INDEX jobs_app ON theirs (id)"],
	])("stop, and take nothing over, where another program has %s of the same name", async (_, theirs) => {
		await admin.unsafe(theirs);
		const before = await state();
		const error = await refusal(migratePostgres(admin, MIGRATIONS));
		expect(error).toBeInstanceOf(UnfitDatabase);
		expect(error?.message).toMatch(/is in use by another program \(relation "\w+" already exists\)/);
		expect(await state()).toEqual(before);
	});

	it("go where the search path says, beside other schemas, and stop where it would part them", async () => {
		await admin.unsafe(`CREATE SCHEMA "My jobs"; CREATE TABLE jobs (theirs int)`);
		const ours = connect({ search_path: '"My jobs", public' });
		expect(await migratePostgres(ours, MIGRATIONS)).toBe(KNOWN);
		expect(await migratePostgres(ours, MIGRATIONS)).toBe(0);
		expect(await tables("public")).toEqual([{ relname: "jobs" }]);
		await admin.unsafe("CREATE SCHEMA nearer");
		const parted = await refusal(migratePostgres(connect({ search_path: 'nearer, "My jobs"' }), MIGRATIONS));
		expect(parted).toBeInstanceOf(UnfitDatabase);
		expect(parted?.message).toMatch(/^the tables are in the schema My jobs, and new ones would be made in nearer/);
		const nowhere = await refusal(migratePostgres(connect({ search_path: "missing" }), MIGRATIONS));
		expect(nowhere).toBeInstanceOf(Refused);
		expect(nowhere?.message).toMatch(/names no schema that is there/);
	});

	it("need the right to make tables only where one is due", async () => {
		const role = await newRole();
		const refused = await refusal(migratePostgres(connect({ role }), MIGRATIONS));
		expect(refused).toBeInstanceOf(Refused);
		expect(refused?.message).toMatch(
			new RegExp(`^the role ${role} may not migrate the schema public .+permission denied for schema public`),
		);
		await migratePostgres(admin, MIGRATIONS);
		await admin.unsafe(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role}`);
		expect(await migratePostgres(connect({ role }), MIGRATIONS)).toBe(0);
		const owned = await refusal(migratePostgres(connect({ role }), withMore("ALTER TABLE jobs ADD later text;")));
		expect(owned?.message).toMatch(/must be owner of table jobs/);
	});

	it("are refused by a database that can only be read", async () => {
		const error = await refusal(migratePostgres(connect({ default_transaction_read_only: "on" }), MIGRATIONS));
		expect(error).toBeInstanceOf(Refused);
		expect(error?.message).toMatch(/can only be read/);
	});

	it("are refused by a database that does not keep UTF-8", async () => {
		const name = `t${crypto.randomUUID().replaceAll("-", "")}`;
		await admin.unsafe(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'`);
		url = url.replace(/\/[^/]*$/, `/${name}`);
		const error = await refusal(migratePostgres(connect(), MIGRATIONS));
		expect(error).toBeInstanceOf(Refused);
		expect(error?.message).toBe(`the database ${name} is encoded in SQL_ASCII: make one with ENCODING 'UTF8'`);
	});
});
