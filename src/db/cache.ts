import { eq } from "drizzle-orm";
import { compile, q, type Slots } from "./compile.ts";
import type { Bound } from "./db.ts";
import { insertRow } from "./insert.ts";
import { cache } from "./schema.ts";

export const readCache = compile((p: Slots<{ key: string }>) =>
	q.select({ body: cache.body, readAt: cache.readAt }).from(cache).where(eq(cache.key, p.key)),
);
const addToCache = insertRow(cache, { orIgnore: true });
const updateCache = compile((p: Slots<{ key: string; body: string; readAt: number }>) =>
	q.update(cache).set({ body: p.body, readAt: p.readAt }).where(eq(cache.key, p.key)).returning({ key: cache.key }),
);

/** The first makes the row, the second brings it up to date. */
export const writeCache = (row: { key: string; body: string; readAt: number }): Bound<unknown>[] => [
	addToCache.bind(row),
	updateCache.bind(row),
];
