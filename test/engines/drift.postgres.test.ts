import { getTableColumns, getTableName, is, SQL } from "drizzle-orm";
import { getTableConfig, type SQLiteTable } from "drizzle-orm/sqlite-core";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import * as schema from "../../src/db/schema.ts";
import { migratePostgres } from "../../src/node/migrate-postgres.ts";
import { ROOT } from "../../src/node/root.ts";
import { newDatabase } from "../support/postgres/database.ts";
import { freshSqlite } from "../support/sqlite.ts";

/** What PostgreSQL alone has. */
const ITS_OWN = ["blob_chunks", "jobhook_migrations"];

/** A table as all three say it; the names of primary keys are each engine's own. */
interface Shape {
	columns: Record<string, { type: string; required: boolean; fallback: string | null }>;
	primary: string[];
	indexes: Record<string, { unique: boolean; columns: string[]; where: string | null }>;
}
type Shapes = Record<string, Shape>;

/** One family each, by the types that the engine is to use for it. */
const SQLITE: Record<string, string> = { text: "text", integer: "integer" };
const POSTGRES: Record<string, string> = { text: "text", bigint: "integer" };
const sorted = <T>(entries: [string, T][]) => Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
const literal = (value: unknown): string | null => (value === undefined ? null : is(value, SQL) ? textOf(value) : String(value));
const textOf = (sql: SQL): string => sql.queryChunks.map((chunk) => (chunk as { value: string[] }).value.join("")).join("");

function ofTheSchema(): Shapes {
	return sorted(
		Object.values(schema).map((table: SQLiteTable) => {
			const { indexes, primaryKeys, uniqueConstraints } = getTableConfig(table);
			const columns = Object.values(getTableColumns(table));
			const composed = primaryKeys.flatMap((key) => key.columns.map(({ name }) => name));
			const named = [
				...indexes.map(({ config: { name, unique, columns, where } }): [string, Shape["indexes"][string]] => [
					name,
					{
						unique,
						columns: columns.map((column) => (column as { name: string }).name),
						where: where === undefined ? null : textOf(where),
					},
				]),
				...columns.flatMap((c): [string, Shape["indexes"][string]][] =>
					c.isUnique ? [[String(c.uniqueName), { unique: true, columns: [c.name], where: null }]] : [],
				),
			];
			expect(uniqueConstraints).toEqual([]);
			const shape: Shape = {
				columns: sorted(
					columns.map((c) => [c.name, { type: SQLITE[c.getSQLType()] ?? "?", required: c.notNull, fallback: literal(c.default) }]),
				),
				primary: composed.length > 0 ? composed : columns.flatMap((c) => (c.primary ? [c.name] : [])),
				indexes: sorted(named),
			};
			return [getTableName(table), shape];
		}),
	);
}

function ofSqlite(): Shapes {
	const db = freshSqlite();
	const all = <Row>(text: string) => db.raw.prepare<[], Row>(text).all();
	const names = all<{ name: string }>(
		"SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'",
	);
	const shapes = names.map(({ name: table }): [string, Shape] => {
		const columns = all<{ name: string; type: string; notnull: number; dflt_value: string | null; pk: number }>(
			`SELECT * FROM pragma_table_info('${table}')`,
		);
		const indexes = all<{ name: string; unique: number; sql: string }>(
			`SELECT l.name, l."unique", s.sql FROM pragma_index_list('${table}') l JOIN sqlite_schema s ON s.name = l.name WHERE l.origin <> 'pk'`,
		);
		const shape: Shape = {
			columns: sorted(
				columns.map((c) => [c.name, { type: SQLITE[c.type.toLowerCase()] ?? "?", required: c.notnull === 1, fallback: c.dflt_value }]),
			),
			primary: columns
				.filter(({ pk }) => pk > 0)
				.toSorted((a, b) => a.pk - b.pk)
				.map(({ name }) => name),
			indexes: sorted(
				indexes.map(({ name, unique, sql }) => [
					name,
					{
						unique: unique === 1,
						columns: all<{ name: string }>(`SELECT name FROM pragma_index_info('${name}') ORDER BY seqno`).map((c) => c.name),
						where: /\) WHERE (.+)$/.exec(sql)?.[1] ?? null,
					},
				]),
			),
		};
		return [table, shape];
	});
	void db.close();
	return sorted(shapes);
}

interface PgTable {
	name: string;
	columns: { name: string; type: string; required: boolean; fallback: string | null }[];
	indexes: { name: string; primary: boolean; unique: boolean; columns: string[]; where: string | null }[] | null;
}

async function ofPostgres(sql: postgres.Sql): Promise<Shapes> {
	const tables = await sql<PgTable[]>`SELECT relname AS name,
		(SELECT json_agg(json_build_object('name', attname, 'type', format_type(atttypid, atttypmod), 'required', attnotnull,
				'fallback', (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum)))
			FROM pg_attribute WHERE attrelid = t.oid AND attnum > 0 AND NOT attisdropped) AS columns,
		(SELECT json_agg(json_build_object('name', indexrelid::regclass::text, 'primary', indisprimary, 'unique', indisunique,
				'columns', (SELECT json_agg(pg_get_indexdef(indexrelid, n, true) || CASE indoption[n - 1] WHEN 0 THEN '' ELSE ' DESC' END ORDER BY n) FROM generate_series(1, indnatts) n),
				'where', pg_get_expr(indpred, indrelid)))
			FROM pg_index WHERE indrelid = t.oid AND indisvalid) AS indexes
		FROM pg_class t WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname <> ALL (${ITS_OWN})`;
	return sorted(
		tables.map(({ name, columns, indexes: found }): [string, Shape] => {
			const indexes = found ?? [];
			const shape: Shape = {
				columns: sorted(columns.map(({ name, type, ...rest }) => [name, { type: POSTGRES[type] ?? `${type}?`, ...rest }])),
				primary: indexes.find(({ primary }) => primary)?.columns ?? [],
				indexes: sorted(
					indexes.filter(({ primary }) => !primary).map(({ name, unique, columns, where }) => [name, { unique, columns, where }]),
				),
			};
			return [name, shape];
		}),
	);
}

/** Partial conditions as PostgreSQL says them after it has read them. */
async function inItsWords(sql: postgres.Sql, shapes: Shapes): Promise<Shapes> {
	const said = structuredClone(shapes);
	await rolledBack(sql, async (tx) => {
		for (const [table, { indexes }] of Object.entries(said))
			for (const index of Object.values(indexes).filter(({ where }) => where !== null)) {
				await tx.unsafe(`CREATE INDEX same_words ON ${table} ((1)) WHERE ${index.where}`);
				const [row] = await tx<{ where: string }[]>`SELECT pg_get_expr(indpred, indrelid) AS where FROM pg_index
					WHERE indexrelid = to_regclass('same_words')`;
				index.where = row!.where;
				await tx.unsafe("DROP INDEX same_words");
			}
	});
	return said;
}

async function rolledBack(sql: postgres.Sql, run: (tx: postgres.Sql) => Promise<void>): Promise<void> {
	const tx = await sql.reserve();
	await tx.unsafe("BEGIN");
	try {
		await run(tx);
	} finally {
		await tx.unsafe("ROLLBACK");
		tx.release();
	}
}

describe.skipIf(inject("postgresUrl") === null)("the tables", () => {
	let sql: postgres.Sql;
	beforeAll(async () => {
		sql = postgres(await newDatabase(), { max: 1, onnotice: () => {} });
		await migratePostgres(sql, `${ROOT}/migrations/postgres`);
	});
	afterAll(() => sql.end());

	it("of PostgreSQL and of SQLite are those of the schema", async () => {
		const model = await inItsWords(sql, ofTheSchema());
		expect(Object.keys(model).length).toBeGreaterThan(10);
		expect(await inItsWords(sql, ofSqlite())).toEqual(model);
		expect(await ofPostgres(sql)).toEqual(model);
	});

	it.each([
		["a column more", "ALTER TABLE jobs ADD more text"],
		["a column less", "ALTER TABLE jobs DROP COLUMN metadata"],
		["another type", "ALTER TABLE jobs ALTER created_at TYPE integer"],
		["a column that may be null", "ALTER TABLE jobs ALTER model DROP NOT NULL"],
		["another default", "ALTER TABLE jobs ALTER revision SET DEFAULT 1"],
		["an index less", "DROP INDEX jobs_app"],
		["an index more", "CREATE INDEX more ON jobs (app_id)"],
		["an index over other columns", "DROP INDEX jobs_app; CREATE INDEX jobs_app ON jobs (id, app_id)"],
		["another order in an index", "DROP INDEX jobs_app; CREATE INDEX jobs_app ON jobs (app_id, id DESC)"],
		[
			"another partial condition",
			"DROP INDEX receipts_orphans; CREATE INDEX receipts_orphans ON receipts (received_at) WHERE outcome = 'late'",
		],
		["a key that is not unique", "DROP INDEX apps_name_unique; CREATE INDEX apps_name_unique ON apps (name)"],
		["another primary key", "ALTER TABLE cache DROP CONSTRAINT cache_pkey; ALTER TABLE cache ADD PRIMARY KEY (read_at)"],
		["a table more", "CREATE TABLE more (id text)"],
	])("are told apart by %s", async (_, change) => {
		const model = await inItsWords(sql, ofTheSchema());
		await rolledBack(sql, async (tx) => {
			await tx.unsafe(change);
			expect(await ofPostgres(tx)).not.toEqual(model);
		});
	});

	it("of PostgreSQL compare texts by their bytes, in indexes too", async () => {
		const other = await sql`SELECT attrelid::regclass::text, attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
			WHERE relnamespace = current_schema()::regnamespace AND attnum > 0 AND attcollation NOT IN (0, 'pg_catalog."C"'::regcollation)`;
		expect(other).toEqual([]);
	});

	it("of PostgreSQL have nothing that the other engines have not: checks, foreign keys, triggers, sequences, keys that count nulls as equal", async () => {
		const more = await sql`
			SELECT conname AS name FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND contype NOT IN ('p', 'n')
			UNION ALL SELECT tgname FROM pg_trigger
			UNION ALL SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind NOT IN ('r', 'i')
			UNION ALL SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class i ON i.oid = indexrelid
				WHERE relnamespace = current_schema()::regnamespace AND (to_jsonb(pg_index)->>'indnullsnotdistinct' = 'true'
					OR relam <> (SELECT oid FROM pg_am WHERE amname = 'btree'))`;
		expect(more).toEqual([]);
	});
});
