import { and, gte, lt } from "drizzle-orm";
import type { SQLiteColumn } from "drizzle-orm/sqlite-core";
import type { Slots } from "./compile.ts";

/**
 * One page of a list of rows that are sorted by their ids, newest first: ids `from <= id < before`. Ids begin with the time
 * they were made, so bounds of time are bounds of ids, too, and one index serves both.
 */
export interface Page {
	limit: number;
	before: string;
	from: string;
}

/** What a list's statement binds: whose rows, and one more than is shown, which tells whether another page follows. */
export type PageValues = { app: string; before: string; from: string; rows: number };
export type PageSlots = Slots<PageValues>;

export const valuesOf = (app: string, { limit, before, from }: Page): PageValues => ({ app, before, from, rows: limit + 1 });
export const inPage = (id: SQLiteColumn, p: PageSlots) => and(lt(id, p.before), gte(id, p.from));

/**
 * One statement for each set of filters that is asked for, made at its first use: a filter that is absent is not in the
 * text at all, so that an index can serve those that are there.
 */
export function byFilters<Filter extends string, Statement>(
	build: (given: ReadonlySet<Filter>) => Statement,
): (given: readonly Filter[]) => Statement {
	const made = new Map<string, Statement>();
	return (given) => {
		const key = given.toSorted().join();
		const statement = made.get(key) ?? build(new Set(given));
		made.set(key, statement);
		return statement;
	};
}
