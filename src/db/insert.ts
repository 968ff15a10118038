import { getTableColumns, getTableName, type SQL, sql } from "drizzle-orm";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import { compileSql, type Slots } from "./compile.ts";
import type { Stmt } from "./db.ts";

type Row<T extends SQLiteTable> = { [K in keyof T["$inferSelect"]]: T["$inferSelect"][K] };

/**
 * Inserts one row, every column bound by its name, only where `guard` finds something: how a statement depends on the
 * ones before it in its batch. `guard` reads like `FROM jobs WHERE …` and may use slots of its own.
 */
export function insertWhere<T extends SQLiteTable, Extra = unknown>(
	table: T,
	guard: (p: Slots<Row<T> & Extra>) => SQL,
): Stmt<Row<T> & Extra, { inserted: number }> {
	const columns = Object.entries(getTableColumns(table));
	return compileSql(["inserted"], (p: Slots<Row<T> & Extra>) => {
		const names = sql.join(
			columns.map(([, column]) => sql.identifier(column.name)),
			sql`, `,
		);
		const slots = p as Record<string, SQL>;
		const values = sql.join(
			columns.map(([key, column]) => sql`${slots[key]} AS ${sql.identifier(column.name)}`),
			sql`, `,
		);
		return sql`INSERT INTO ${sql.identifier(getTableName(table))} (${names}) SELECT ${values} ${guard(p)} RETURNING 1 AS inserted`;
	});
}

/** The same without a condition; `orIgnore` leaves a row that is there already. */
export function insertRow<T extends SQLiteTable>(table: T, options: { orIgnore?: boolean } = {}): Stmt<Row<T>, { inserted: number }> {
	const suffix = options.orIgnore ? sql` ON CONFLICT DO NOTHING` : sql``;
	return insertWhere(table, () => sql`WHERE true${suffix}`);
}
