import { eq } from "drizzle-orm";
import { compile, q, type Slots } from "../db/compile.ts";
import { insertRow } from "../db/insert.ts";
import { accounts } from "../db/schema.ts";
import type { Deps } from "../deps.ts";
import { accountFrom, defaultAccount } from "../providers/index.ts";
import type { Account } from "../providers/provider.ts";

type Ports = Pick<Deps, "db" | "config" | "secrets">;

const columns = { id: accounts.id, provider: accounts.provider, apiKey: accounts.apiKey, webhookSecret: accounts.webhookSecret };
const byId = compile((p: Slots<{ id: string }>) => q.select(columns).from(accounts).where(eq(accounts.id, p.id)));
const byProvider = compile((p: Slots<{ provider: string }>) => q.select(columns).from(accounts).where(eq(accounts.provider, p.provider)));
const insertAccount = insertRow(accounts, { orIgnore: true });

const place = (id: string, column: string) => ({ table: "accounts", column, row: id, app: "operator" });

/** Null when it is not configured, or no longer. */
export async function accountById(ports: Ports, id: string): Promise<Account | null> {
	const provider = id.slice(0, id.indexOf(":"));
	const configured = defaultAccount(ports.config, provider);
	if (id === configured?.id || ports.config.sandbox) return id === configured?.id ? configured : null;
	const [row] = await ports.db.read(byId.bind({ id }));
	return row === undefined ? null : opened(ports, row);
}

/** All accounts at a provider, the configured one first: any of them may have sent an account-wide hook. */
export async function accountsOf(ports: Ports, provider: string): Promise<Account[]> {
	const configured = defaultAccount(ports.config, provider);
	if (ports.config.sandbox) return configured ? [configured] : [];
	const rows = await ports.db.read(byProvider.bind({ provider }));
	return [configured, ...rows.map((row) => opened(ports, row))].filter((account) => account !== null);
}

/** Keeps the credentials of an account, sealed. Does nothing when it is there already. */
export async function addAccount(
	ports: Ports & Pick<Deps, "clock">,
	account: { provider: string; name: string; apiKey: string | null; webhookSecret: string | null },
): Promise<string> {
	const id = `${account.provider}:${account.name}`;
	const seal = (value: string | null, column: string) => value && ports.secrets.seal(value, place(id, column));
	const sealed = { apiKey: seal(account.apiKey, "api_key"), webhookSecret: seal(account.webhookSecret, "webhook_secret") };
	await ports.db.batch([insertAccount.bind({ ...account, ...sealed, id, createdAt: ports.clock.now() })]);
	return id;
}

function opened(ports: Ports, row: { id: string; provider: string; apiKey: string | null; webhookSecret: string | null }): Account | null {
	if (row.apiKey === null) return null;
	const open = (value: string, column: string) => ports.secrets.open(value, place(row.id, column));
	const webhookSecrets = row.webhookSecret === null ? [] : [open(row.webhookSecret, "webhook_secret")];
	return accountFrom(ports.config, { id: row.id, apiKey: open(row.apiKey, "api_key"), webhookSecrets });
}
