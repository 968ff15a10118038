import { and, desc, eq, isNull, sql } from "drizzle-orm";
import { iso, isoOrNull } from "../core/clock.ts";
import { sha256Hex } from "../core/hash.ts";
import { newId, randomText } from "../core/ids.ts";
import { compile, q, type Slots } from "../db/compile.ts";
import { insertRow } from "../db/insert.ts";
import { keys } from "../db/schema.ts";
import type { Deps } from "../deps.ts";

export const SCOPES = ["submit", "read", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** Who a key lets in, and what it may do. */
export interface Caller {
	keyId: string;
	appId: string;
	scopes: readonly Scope[];
	/** Of an imported provider key: its jobs go to this account. */
	accountId: string | null;
}

/** `admin` may do everything, and whoever submits may read. */
export const may = ({ scopes }: Pick<Caller, "scopes">, scope: Scope): boolean =>
	scopes.includes(scope) || scopes.includes("admin") || (scope === "read" && scopes.includes("submit"));

const insertKey = insertRow(keys);
const callerOfHash = compile((p: Slots<{ hash: string }>) =>
	q
		.select({ keyId: keys.id, appId: keys.appId, scopes: keys.scopes, accountId: keys.accountId })
		.from(keys)
		.where(and(eq(keys.hash, p.hash), isNull(keys.revokedAt))),
);
const keysOfApp = compile((p: Slots<{ app: string }>) =>
	q
		.select({
			id: keys.id,
			name: keys.name,
			scopes: keys.scopes,
			accountId: keys.accountId,
			createdAt: keys.createdAt,
			revokedAt: keys.revokedAt,
		})
		.from(keys)
		.where(eq(keys.appId, p.app))
		.orderBy(desc(keys.id)),
);
const revoke = compile((p: Slots<{ app: string; key: string; now: number }>) =>
	q
		.update(keys)
		.set({ revokedAt: sql`coalesce(revoked_at, ${p.now})` })
		.where(and(eq(keys.appId, p.app), eq(keys.id, p.key)))
		.returning({ id: keys.id }),
);

type Ports = Pick<Deps, "db" | "clock">;
interface NewKey {
	name: string;
	scopes: readonly Scope[];
	/** An existing secret text to register, e.g. a provider's own key; without it one is made. */
	key?: string;
	accountId?: string | null;
}

/** Makes a key for an app. It is in this answer and nowhere else: the row holds its hash. `ConstraintError` when it is registered already. */
export async function createKey(deps: Ports, appId: string, wish: NewKey): Promise<{ id: string; key: string }> {
	const now = deps.clock.now();
	const id = newId("key", now);
	const { name, scopes, key = `jh_${randomText(24)}`, accountId = null } = wish;
	const row = { id, appId, name, scopes: scopes.join(","), accountId, hash: sha256Hex(key), createdAt: now, revokedAt: null };
	await deps.db.batch([insertKey.bind(row)]);
	return { id, key };
}

/** Null when the key is unknown or revoked. */
export async function callerOf(deps: Pick<Deps, "db">, key: string): Promise<Caller | null> {
	const [row] = await deps.db.read(callerOfHash.bind({ hash: sha256Hex(key) }));
	return row === undefined ? null : { ...row, scopes: row.scopes.split(",") as Scope[] };
}

/** All keys of an app, newest first, revoked ones too. Never the keys themselves. */
export async function listKeys(deps: Pick<Deps, "db">, appId: string) {
	const rows = await deps.db.read(keysOfApp.bind({ app: appId }));
	return rows.map(({ id, name, scopes, accountId, createdAt, revokedAt }) => ({
		id,
		name,
		scopes: scopes.split(",") as Scope[],
		account: accountId,
		created_at: iso(createdAt),
		revoked_at: isoOrNull(revokedAt),
	}));
}

/** False when this app has no such key. A key that is revoked already stays as it is. */
export async function revokeKey(deps: Ports, appId: string, keyId: string): Promise<boolean> {
	const [revoked] = await deps.db.batch([revoke.bind({ app: appId, key: keyId, now: deps.clock.now() })]);
	return revoked.length > 0;
}
