/** A database with very many deliveries, filled by SQL alone. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import postgres from "postgres";
import type { Bound, Db } from "../../src/db/db.ts";
import { startPostgresServer } from "../../src/demo/postgres-server.ts";
import { MIGRATIONS } from "../../src/node/database.ts";
import { migrateSqlite } from "../../src/node/migrate.ts";
import { openPostgres } from "../../src/node/postgres.ts";
import { statementOf } from "../../src/node/postgres-statement.ts";
import { ROOT } from "../../src/node/root.ts";
import { openSqlite } from "../../src/node/sqlite.ts";
import { bodyIn, ENDPOINT, OTHERS, OURS, QUIET, type Shape, THEIRS } from "./shapes.ts";

export interface Million {
	db: Db;
	/** Apps, endpoints, lanes; a job and a failed attempt for each row. */
	begin(): Promise<void>;
	/** Instead of what was there. */
	fill(shape: (rows: number) => Shape): Promise<void>;
	analyze(): Promise<void>;
	explain(statement: Bound<unknown>): Promise<string>;
	close(): Promise<void>;
}

const EACH_APP = `INSERT INTO apps (id, name, callback_secret, created_at) VALUES ('${OURS}', 'ours', '', 1), ('${THEIRS}', 'theirs', '', 1)`;
const ENDPOINTS = [ENDPOINT, QUIET, OTHERS].map((id, n) => {
	const app = id === OTHERS ? THEIRS : OURS;
	return `INSERT INTO endpoints (id, app_id, place, url, secret, state, created_at, updated_at)
			VALUES ('${id}', '${app}', ${n + 1}, 'https://example.com/', '', 'enabled', 1, 1);
		INSERT INTO lanes (id, kind, app_id) VALUES ('${id}', 'endpoint', '${app}')`;
});

/** `from` yields `n` from 1; `hex` writes a number in so many digits. */
function filling(from: string, hex: (n: string, digits: number) => string) {
	const id = (prefix: string) => `'${prefix}_' || ${bodyIn(hex)}`;
	const deliveries = (app: string, target: string, state: string, second: boolean) => `
		INSERT INTO deliveries (id, app_id, job_id, event_id, event_type, target, state, lane_id, next_attempt_at, attempts, failures, reason, armed_at, created_at, ended_at)
		SELECT id${second ? " || 'x'" : ""}, app, job, event, 'job.completed', target, state, target, CASE state WHEN 'pending' THEN 4000000000000 END, 1, 1, 'http_503',
			1, 1800000000000 + n * 1000, CASE WHEN state NOT IN ('pending', 'held') THEN 1 END
		FROM (SELECT n, ${id("dlv")} AS id, ${id("job")} AS job, ${id("evt")} AS event, ${app} AS app, ${target} AS target, ${state} AS state FROM ${from}) x`;
	return {
		begin: `${EACH_APP}; ${ENDPOINTS.join(";")};
			INSERT INTO jobs (id, app_id, provider, type, model, state, submission_id, revision, event_id, input, created_at, ended_at)
				SELECT ${id("job")}, '${OURS}', 'deapi', 'txt2img', 'm', 'completed', '', 2, '', '{}', 1800000000000 + n * 1000, 1 FROM ${from};
			INSERT INTO attempts (id, app_id, delivery_id, n, outcome, reason, started_at)
				SELECT ${id("att")}, '${OURS}', ${id("dlv")}, 1, 'failed', 'http_503', 1800000000000 + n * 1000 FROM ${from}`,
		fill: ({ app, target, state, twice }: Shape) => [
			deliveries(app, target, state, false),
			...(twice ? [deliveries(app, twice.target, twice.state, true)] : []),
		],
	};
}

async function onSqlite(rows: number): Promise<Million> {
	const folder = mkdtempSync(path.join(os.tmpdir(), "jobhook-million-"));
	const db = openSqlite(path.join(folder, "jobhook.db"));
	migrateSqlite(db.raw, MIGRATIONS);
	const numbers = `(WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${rows}) SELECT n FROM numbers)`;
	const { begin, fill } = filling(numbers, (n, digits) => `printf('%0${digits}x', ${n})`);
	const indexes = db.raw
		.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'deliveries' AND sql IS NOT NULL")
		.all() as {
		name: string;
		sql: string;
	}[];
	return {
		db,
		async begin() {
			db.raw.pragma("synchronous = OFF");
			db.raw.exec(`BEGIN; ${begin}; COMMIT`);
		},
		async fill(shape) {
			const drop = indexes.map(({ name }) => `DROP INDEX ${name}`);
			const make = indexes.map(({ sql }) => sql);
			db.raw.exec(["BEGIN", ...drop, "DELETE FROM deliveries", ...fill(shape(rows)), ...make, "COMMIT"].join(";"));
			db.raw.pragma("wal_checkpoint(TRUNCATE)");
		},
		async analyze() {
			db.raw.exec("ANALYZE");
		},
		async explain({ stmt, params }) {
			const steps = db.raw.prepare(`EXPLAIN QUERY PLAN ${stmt.sql}`).all(params) as { detail: string }[];
			return steps.map(({ detail }) => `    ${detail}`).join("\n");
		},
		async close() {
			await db.close();
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

async function onPostgres(rows: number): Promise<Million> {
	const server = await startPostgresServer();
	const db = openPostgres(server.url, { pool: 2, prepare: true });
	const sql = postgres(server.url, { max: 1, onnotice: () => {} });
	const { begin, fill } = filling(`generate_series(1, ${rows}::bigint) n`, (n, digits) => `lpad(to_hex(${n}), ${digits}, '0')`);
	return {
		db,
		async begin() {
			const folder = `${ROOT}/migrations/postgres`;
			for (const file of readdirSync(folder).toSorted()) await sql.unsafe(readFileSync(path.join(folder, file), "utf8"));
			await sql.unsafe("ALTER TABLE deliveries SET (autovacuum_enabled = off)");
			await sql.unsafe(`${begin}; ANALYZE jobs; ANALYZE attempts; ANALYZE endpoints`);
		},
		async fill(shape) {
			const indexes = await sql<{ name: string; def: string }[]>`SELECT indexname AS name, indexdef AS def FROM pg_indexes
				WHERE tablename = 'deliveries' AND indexname <> 'deliveries_pkey'`;
			const drop = indexes.map(({ name }) => `DROP INDEX ${name}`);
			await sql.unsafe([...drop, "TRUNCATE deliveries", ...fill(shape(rows)), ...indexes.map(({ def }) => def)].join(";"));
		},
		async analyze() {
			await sql.unsafe("ANALYZE deliveries");
		},
		async explain(bound) {
			const { sql: text, params } = statementOf(bound);
			const lines = await db.raw.unsafe(`EXPLAIN (ANALYZE, BUFFERS) ${text}`, params);
			return lines.map((line) => `    ${line["QUERY PLAN"]}`).join("\n");
		},
		async close() {
			await Promise.all([db.close(), sql.end({ timeout: 1 })]);
			await server.stop();
		},
	};
}

export const ENGINES = { sqlite: onSqlite, postgres: onPostgres };
