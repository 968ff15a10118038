import { sql } from "drizzle-orm";
import { idAt } from "../core/ids.ts";
import { compileSql } from "../db/compile.ts";
import { cache, files, idempotencyKeys, recoveries } from "../db/schema.ts";
import { BEGINNING, type Broom, ROWS } from "./broom.ts";

/** In the text, for PostgreSQL plans for a tenth of the table where it does not know how few. */
const AT_ONCE = sql.raw(String(ROWS));

export const removeKeys = compileSql<{ now: number }, { key: string }>(
	["key"],
	(p) => sql`DELETE FROM ${idempotencyKeys} WHERE (app_id, route, key) IN (
		SELECT k.app_id, k.route, k.key FROM ${idempotencyKeys} k WHERE k.expires_at <= ${p.now} ORDER BY k.expires_at LIMIT ${AT_ONCE}
	) RETURNING key`,
);
export const removeCached = compileSql<{ before: number }, { key: string }>(
	["key"],
	(p) => sql`DELETE FROM ${cache} WHERE key IN (
		SELECT c.key FROM ${cache} c WHERE c.read_at <= ${p.before} ORDER BY c.read_at LIMIT ${AT_ONCE}
	) RETURNING key`,
);

export const removeFiles = compileSql<{ now: number }, { id: string }>(
	["id"],
	(p) => sql`DELETE FROM ${files} WHERE id IN (
		SELECT f.id FROM ${files} f WHERE f.expires_at <= ${p.now} ORDER BY f.expires_at LIMIT ${AT_ONCE}
	) RETURNING id`,
);

/** Ids begin with their time. One that still waits for its endpoint goes, too: nothing of its range is kept so long. */
export const removeRecoveries = compileSql<{ before: string }, { id: string }>(
	["id"],
	(p) => sql`DELETE FROM ${recoveries} WHERE id IN (
		SELECT r.id FROM ${recoveries} r WHERE r.id < ${p.before} ORDER BY r.id LIMIT ${AT_ONCE}
	) RETURNING id`,
);

/** Every row that is found goes, so there is no place to remember: each step begins at the oldest. */
const goesOn = (removed: number) => ({ removed, next: removed < ROWS ? null : BEGINNING });

export const oldKeys: Broom = {
	name: "idempotency_keys",
	async step({ db, clock }) {
		const [removed] = await db.batch([removeKeys.bind({ now: clock.now() })]);
		return goesOn(removed.length);
	},
};

export const oldCache: Broom = {
	name: "cache",
	async step({ db, clock, config }) {
		const [removed] = await db.batch([removeCached.bind({ before: clock.now() - config.retainCacheMs })]);
		return goesOn(removed.length);
	},
};

/** A submit that has just read one may not have written yet that it needs it. */
const FILE_GRACE_MS = 3_600_000;

/** Their bytes go with the blobs that no row names. */
export const oldFiles: Broom = {
	name: "files",
	async step({ db, clock }) {
		const [removed] = await db.batch([removeFiles.bind({ now: clock.now() - FILE_GRACE_MS })]);
		return goesOn(removed.length);
	},
};

export const oldRecoveries: Broom = {
	name: "recoveries",
	async step({ db, clock, config }) {
		const [removed] = await db.batch([removeRecoveries.bind({ before: idAt("rec", clock.now() - config.retainJobsMs) })]);
		return goesOn(removed.length);
	},
};
