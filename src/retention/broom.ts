import type { SQL } from "drizzle-orm";
import { sql } from "drizzle-orm";
import type { Slots } from "../db/compile.ts";
import type { Stmt } from "../db/db.ts";
import type { Deps } from "../deps.ts";

/** Rows that one statement removes at most, so that none holds the database for long. */
export const ROWS = 250;

/** A place in the order of (time, id). */
export interface Cursor {
	at: number;
	id: string;
}
/** Sorts behind every id. */
const BEHIND_ALL = "~";
export const BEGINNING: Cursor = { at: -1, id: "" };

/** One kind of row that is kept for a while only. */
export interface Broom {
	name: string;
	/** How long it rests after a lap, where looking itself costs. */
	restMs?: number;
	/** One short batch behind `after`. Returns where the next one goes on; null when nothing older is left to look at. */
	step(deps: Pick<Deps, "db" | "blobs" | "clock" | "config" | "log">, after: Cursor): Promise<{ removed: number; next: Cursor | null }>;
}

export interface Window {
	afterAt: number;
	afterId: string;
	toAt: number;
	toId: string;
	/** Older than this: no younger row is in the window. */
	before: number;
}
interface Edge {
	afterAt: number;
	afterId: string;
	before: number;
	last: number;
}

/**
 * Rows of a window: behind `after`, up to and with `to`. The first two terms say nothing new: the one ends the look-up in
 * the index, and both tell PostgreSQL how few they are; NOT, for of two lower bounds SQLite would take the shorter one.
 */
export const inWindow = (at: SQL, id: SQL, p: Slots<Window>): SQL =>
	sql`${at} <= ${p.toAt} AND NOT (${at} < ${p.afterAt}) AND (${at}, ${id}) > (${p.afterAt}, ${p.afterId}) AND (${at}, ${id}) <= (${p.toAt}, ${p.toId})`;

/** The last row of a window; none where fewer are left than it may have. */
export const edgeOf = (from: SQL, at: SQL, id: SQL, p: Slots<Edge>): SQL =>
	sql`SELECT ${at}, ${id} FROM ${from} AND ${at} <= ${p.before} AND (${at}, ${id}) > (${p.afterAt}, ${p.afterId}) ORDER BY ${at}, ${id} LIMIT 1 OFFSET ${p.last}`;
export type EdgeStmt = Stmt<Edge, { at: number; id: string }>;

/** What one batch looks at. Rows that must stay are passed over, so that thousands of them cannot keep it from the rest. */
export async function windowBehind(
	{ db }: Pick<Deps, "db">,
	edge: EdgeStmt,
	after: Cursor,
	before: number,
	rows: number,
): Promise<Window & { next: Cursor | null }> {
	const [last] = await db.read(edge.bind({ afterAt: after.at, afterId: after.id, before, last: rows - 1 }));
	const to = last ?? { at: before, id: BEHIND_ALL };
	return { afterAt: after.at, afterId: after.id, toAt: to.at, toId: to.id, before, next: last ?? null };
}
