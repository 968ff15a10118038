import { eq } from "drizzle-orm";
import { compile, q, type Slots } from "../../db/compile.ts";
import { insertRow } from "../../db/insert.ts";
import { cache } from "../../db/schema.ts";

export const readCache = compile((p: Slots<{ key: string }>) =>
	q.select({ body: cache.body, readAt: cache.readAt }).from(cache).where(eq(cache.key, p.key)),
);
/** Both in one batch: the first makes the row, the second brings it up to date. */
export const addToCache = insertRow(cache, { orIgnore: true });
export const updateCache = compile((p: Slots<{ key: string; body: string; readAt: number }>) =>
	q.update(cache).set({ body: p.body, readAt: p.readAt }).where(eq(cache.key, p.key)).returning({ key: cache.key }),
);
