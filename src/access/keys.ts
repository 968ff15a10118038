import { and, desc, eq, isNull, sql } from "drizzle-orm";
import { iso, isoOrNull } from "../core/clock.ts";
import { sha256Hex } from "../core/hash.ts";
import { newId, randomText } from "../core/ids.ts";
import { compile, q, type Slots } from "../db/compile.ts";
import { insertRow } from "../db/insert.ts";
import { inPage, type Page, type PageSlots, valuesOf } from "../db/page.ts";
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

const shownColumns = {
	id: keys.id,
	name: keys.name,
	scopes: keys.scopes,
	accountId: keys.accountId,
	createdAt: keys.createdAt,
	revokedAt: keys.revokedAt,
};
const insertKey = insertRow(keys);
const callerOfHash = compile((p: Slots<{ hash: string }>) =>
	q
		.select({ keyId: keys.id, appId: keys.appId, scopes: keys.scopes, accountId: keys.accountId })
		.from(keys)
		.where(and(eq(keys.hash, p.hash), isNull(keys.revokedAt))),
);
const keysOf = compile((p: PageSlots) =>
	q
		.select(shownColumns)
		.from(keys)
		.where(and(eq(keys.appId, p.app), inPage(keys.id, p)))
		.orderBy(desc(keys.id))
		.limit(sql.placeholder("rows")),
);
const revoke = compile((p: Slots<{ app: string; key: string; now: number }>) =>
	q
		.update(keys)
		.set({ revokedAt: sql`coalesce(revoked_at, ${p.now})` })
		.where(and(eq(keys.appId, p.app), eq(keys.id, p.key)))
		.returning(shownColumns),
);

type Ports = Pick<Deps, "db" | "clock">;

/** Makes a key for an app. It is in this answer and nowhere else: the row holds its hash. */
export async function createKey(deps: Ports, appId: string, wish: { name: string; scopes: readonly Scope[] }) {
	const key = `jh_${randomText(24)}`;
	const row = keyRow({ ...wish, appId, key, accountId: null, now: deps.clock.now() });
	await deps.db.batch([insertKey.bind(row)]);
	return { ...shown(row), key };
}

/** The row of a key, which holds its hash. */
export const keyRow = (of: {
	appId: string;
	key: string;
	name: string;
	scopes: readonly Scope[];
	accountId: string | null;
	now: number;
}): typeof keys.$inferSelect => ({
	id: newId("key", of.now),
	appId: of.appId,
	name: of.name,
	scopes: of.scopes.join(","),
	accountId: of.accountId,
	hash: sha256Hex(of.key),
	createdAt: of.now,
	revokedAt: null,
});

/** Null when the key is unknown or revoked. */
export async function callerOf(deps: Pick<Deps, "db">, key: string): Promise<Caller | null> {
	const [row] = await deps.db.read(callerOfHash.bind({ hash: sha256Hex(key) }));
	return row === undefined ? null : { ...row, scopes: row.scopes.split(",") as Scope[] };
}

/** Keys of an app, newest first, revoked ones too; one more than the page shows. Never the keys themselves. */
export async function listKeys(deps: Pick<Deps, "db">, appId: string, page: Page) {
	const rows = await deps.db.read(keysOf.bind(valuesOf(appId, page)));
	return rows.map(shown);
}

/** The key as it is now; null when this app has none of that id. One that is revoked already stays as it is. */
export async function revokeKey(deps: Ports, appId: string, keyId: string) {
	const [revoked] = await deps.db.batch([revoke.bind({ app: appId, key: keyId, now: deps.clock.now() })]);
	return revoked[0] === undefined ? null : shown(revoked[0]);
}

/** A key as it is told about; the key itself is not known here. */
export const shown = (row: Pick<typeof keys.$inferSelect, keyof typeof shownColumns>) => ({
	id: row.id,
	name: row.name,
	scopes: row.scopes.split(",") as Scope[],
	account: row.accountId,
	created_at: iso(row.createdAt),
	revoked_at: isoOrNull(row.revokedAt),
});
