/** What a column holds on every engine: no booleans, dates, bigints or undefined. */
export type SqlValue = string | number | null;

/** A statement compiled once per process, with its values for one run. Made by `stmt.bind(values)`. */
export interface Bound<Row> {
	readonly stmt: Stmt<never, Row>;
	readonly params: SqlValue[];
}

export interface Stmt<Values, Row> {
	readonly sql: string;
	bind(values: Values): Bound<Row>;
	/** Rows as arrays in column order, as drivers hand them over, to objects. */
	map(rows: unknown[][]): Row[];
}

/** What a statement returns for each row. */
export type RowOf<S extends { map(rows: unknown[][]): unknown[] }> = ReturnType<S["map"]>[number];

/** A unique key refused the batch; nothing was written. */
export class ConstraintError extends Error {}

type Rows<Work extends readonly Bound<unknown>[]> = { [K in keyof Work]: Work[K] extends Bound<infer Row> ? Row[] : never };

/**
 * The storage port. There is no transaction: a state change is one batch, decided before it runs. Its statements run in
 * order and see each other's rows; all of them are committed when the promise resolves, or none is.
 * Rejects with `unavailable` when the same batch may be tried again (locked, full, gone): nothing was written, but for D1,
 * which can lose the answer to what it committed. With `ConstraintError` when a unique key refused it. Any other rejection is
 * a broken promise of ours; nothing was written either.
 */
export interface Db {
	readonly dialect: "sqlite" | "postgres";
	read<Row>(query: Bound<Row>): Promise<Row[]>;
	batch<const Work extends readonly Bound<unknown>[]>(work: Work): Promise<Rows<Work>>;
	close(): Promise<void>;
}
