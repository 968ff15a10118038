import { sql } from "drizzle-orm";
import { ConstraintError } from "../db/db.ts";
import { insertWhere } from "../db/insert.ts";
import { accounts, keys } from "../db/schema.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { newAccount } from "./accounts.ts";
import { keyRow, type Scope, shown } from "./keys.ts";

interface Made {
	madeAccount: string;
	madeWith: string;
}
const insertKeyOfAccount = insertWhere<typeof keys, Made>(
	keys,
	(p) => sql`FROM ${accounts} WHERE ${accounts.id} = ${p.madeAccount} AND ${accounts.apiKey} = ${p.madeWith}`,
);

/**
 * Registers an existing key of a provider: its hash lets in here, and the key itself, sealed, is the account that its jobs
 * are sent with. All of it or nothing; `not_possible` when the name or the key is taken.
 */
export async function importKey(
	deps: Pick<Deps, "db" | "clock" | "secrets" | "config">,
	appId: string,
	wish: { provider: string; name: string; scopes: readonly Scope[]; key: string; webhookSecret: string | null },
) {
	const { provider, name, key, webhookSecret } = wish;
	const account = newAccount(deps, { provider, name, apiKey: key, webhookSecret });
	const row = keyRow({ appId, key, name, scopes: wish.scopes, accountId: account.id, now: deps.clock.now() });
	const results = await deps.db.batch([...account.work, insertKeyOfAccount.bind({ ...row, ...account.guard })]).catch(taken);
	if (results.at(-1)?.length === 0) throw new JobhookError("not_possible", `there is an account ${account.id} already: give another name`);
	return shown(row);
}

function taken(e: unknown): never {
	throw e instanceof ConstraintError ? new JobhookError("not_possible", "this key is registered already; revoked ones are kept, too") : e;
}
