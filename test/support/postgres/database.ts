import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { getTableName } from "drizzle-orm";
import postgres from "postgres";
import { inject } from "vitest";
import * as schema from "../../../src/db/schema.ts";
import { openPostgres, type PostgresDb } from "../../../src/node/postgres.ts";
import { say } from "./things.ts";

const server = inject("postgresUrl");
const MIGRATIONS = path.resolve(import.meta.dirname, "../../../migrations/postgres");
const POOL = 10;
const TABLES = Object.values(schema).map((table) => `DELETE FROM ${getTableName(table)};`);

/** A new database on the tests' server. */
export async function newDatabase(): Promise<string> {
	const name = `t${crypto.randomUUID().replaceAll("-", "")}`;
	const sql = postgres(server ?? "", { max: 1, onnotice: () => {} });
	await sql.unsafe(`CREATE DATABASE ${name}`);
	await sql.end();
	return (server ?? "").replace(/\/[^/]*$/, `/${name}`);
}

let shared: Promise<PostgresDb> | undefined;

/** One database for a whole file: every test begins by emptying it. `prepare`: as the file's first test says. */
export async function emptyPostgres({ prepare = true } = {}): Promise<PostgresDb> {
	shared ??= (async () => {
		const db = openPostgres(await newDatabase(), { pool: POOL, prepare });
		await Promise.all(Array.from({ length: POOL }, () => db.read(say("SELECT pg_sleep(0.05)::text")))); // no test waits for a login
		for (const file of readdirSync(MIGRATIONS).toSorted()) await db.raw.unsafe(readFileSync(path.join(MIGRATIONS, file), "utf8"));
		return db;
	})();
	const db = await shared;
	await db.raw.unsafe(TABLES.join(""));
	return { ...db, close: async () => {} };
}
