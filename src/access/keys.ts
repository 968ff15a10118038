import { and, eq, isNull } from "drizzle-orm";
import { sha256Hex } from "../core/hash.ts";
import { newId, randomText } from "../core/ids.ts";
import { compile, q, type Slots } from "../db/compile.ts";
import { insertRow } from "../db/insert.ts";
import { keys } from "../db/schema.ts";
import type { Deps } from "../deps.ts";

const insertKey = insertRow(keys);
const appOfHash = compile((p: Slots<{ hash: string }>) =>
	q
		.select({ id: keys.id, appId: keys.appId })
		.from(keys)
		.where(and(eq(keys.hash, p.hash), isNull(keys.revokedAt))),
);

/** Makes a key for an app. It is in this answer and nowhere else: the row holds its hash. */
export async function createKey(deps: Pick<Deps, "db" | "clock">, appId: string, name: string): Promise<{ id: string; key: string }> {
	const now = deps.clock.now();
	const id = newId("key", now);
	const key = `jh_${randomText(24)}`;
	await deps.db.batch([
		insertKey.bind({ id, appId, name, scopes: "admin", accountId: null, hash: sha256Hex(key), createdAt: now, revokedAt: null }),
	]);
	return { id, key };
}

/** The app a key belongs to; null when it is unknown or revoked. */
export async function appOfKey(deps: Pick<Deps, "db">, key: string): Promise<string | null> {
	const [row] = await deps.db.read(appOfHash.bind({ hash: sha256Hex(key) }));
	return row?.appId ?? null;
}
