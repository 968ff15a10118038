import { createHash, randomBytes } from "node:crypto";
import { and, eq, isNull } from "drizzle-orm";
import { newId } from "../core/ids.ts";
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

export const hashOf = (key: string): string => createHash("sha256").update(key).digest("hex");

/** Makes a key for an app. It is in this answer and nowhere else: the row holds its hash. */
export async function createKey(deps: Pick<Deps, "db" | "clock">, appId: string, name: string): Promise<{ id: string; key: string }> {
	const now = deps.clock.now();
	const id = newId("key", now);
	const key = `jh_${randomBytes(24).toString("base64url")}`;
	await deps.db.batch([insertKey.bind({ id, appId, name, hash: hashOf(key), createdAt: now, revokedAt: null })]);
	return { id, key };
}

/** The app a key belongs to; null when it is unknown or revoked. */
export async function appOfKey(deps: Pick<Deps, "db">, key: string): Promise<string | null> {
	const [row] = await deps.db.read(appOfHash.bind({ hash: hashOf(key) }));
	return row?.appId ?? null;
}
