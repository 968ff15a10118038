import { eq } from "drizzle-orm";
import { compile, q, type Slots } from "../db/compile.ts";
import type { Bound } from "../db/db.ts";
import { insertRow } from "../db/insert.ts";
import { accounts } from "../db/schema.ts";
import type { Deps } from "../deps.ts";
import { newLane } from "../lanes/lane.ts";
import { mended, paceLane, paceOf } from "../lanes/pace.ts";
import { accountFrom, defaultAccount, PROVIDERS, providerOf, settingsOf } from "../providers/index.ts";
import { type Account, contentLane, dispatchLane, pollLane } from "../providers/provider.ts";

type Ports = Pick<Deps, "db" | "config" | "secrets">;

const columns = { id: accounts.id, provider: accounts.provider, apiKey: accounts.apiKey, webhookSecret: accounts.webhookSecret };
const byId = compile((p: Slots<{ id: string }>) => q.select(columns).from(accounts).where(eq(accounts.id, p.id)));
const byProvider = compile((p: Slots<{ provider: string }>) => q.select(columns).from(accounts).where(eq(accounts.provider, p.provider)));
const idsOf = compile((p: Slots<{ provider: string }>) =>
	q.select({ id: accounts.id }).from(accounts).where(eq(accounts.provider, p.provider)),
);
const insertAccount = insertRow(accounts, { orIgnore: true });

const place = (id: string, column: string) => ({ table: "accounts", column, row: id, app: "operator" });

/** Null when it is not configured, or no longer. */
export async function accountById(ports: Ports, id: string): Promise<Account | null> {
	const provider = providerOf(id);
	const configured = defaultAccount(ports.config, provider);
	if (id === configured?.id || ports.config.sandbox) return id === configured?.id ? configured : null;
	const [row] = await ports.db.read(byId.bind({ id }));
	return row === undefined ? null : opened(ports, row);
}

/** All accounts at a provider, the configured one first: any of them may have sent an account-wide hook. */
async function accountsOf(ports: Ports, provider: string): Promise<Account[]> {
	const configured = defaultAccount(ports.config, provider);
	if (ports.config.sandbox) return configured ? [configured] : [];
	const rows = await ports.db.read(byProvider.bind({ provider }));
	return [configured, ...rows.map((row) => openedOrNull(ports, row))].filter((account) => account !== null);
}

/** How often a signature that nobody made may have them read again. */
const READ_EVERY_MS = 1000;

/**
 * The accounts of a provider with their secrets, the configured one first, kept in memory: what none of them signed costs
 * no statement. Two that read them anew do not wait for each other: on Workers no request may wait for another's read.
 */
export class KeptAccounts {
	readonly #ports: Ports & Pick<Deps, "clock">;
	readonly #kept = new Map<string, { accounts: readonly Account[]; readAt: number; triedAt: number }>();

	constructor(ports: Ports & Pick<Deps, "clock">) {
		this.#ports = ports;
	}

	/** As they were when somebody last read them: good enough to turn strangers away. */
	async of(provider: string): Promise<readonly Account[]> {
		return this.#kept.get(provider)?.accounts ?? this.read(provider);
	}

	/** As they are now; null where somebody has asked for that within the last second. */
	async readAgain(provider: string): Promise<readonly Account[] | null> {
		const kept = this.#kept.get(provider);
		if (kept !== undefined && this.#within(kept.triedAt)) return null;
		return this.read(provider);
	}

	/** As they are now. */
	async read(provider: string): Promise<readonly Account[]> {
		const now = this.#ports.clock.now();
		const before = this.#kept.get(provider);
		if (before !== undefined) before.triedAt = now;
		const accounts = await accountsOf(this.#ports, provider);
		const kept = this.#kept.get(provider);
		if (kept === undefined || kept.readAt <= now) this.#kept.set(provider, { accounts, readAt: now, triedAt: now }); // no older read comes after it
		return accounts;
	}

	#within(since: number): boolean {
		const age = this.#ports.clock.now() - since;
		return age >= 0 && age < READ_EVERY_MS; // a clock that was set back makes nothing young
	}
}

/**
 * Keeps the credentials of an account, sealed, with its lanes. The statements are one batch with whatever rests on them:
 * `guard` finds the account only if they made it, not one that had the name before.
 */
export function newAccount(
	ports: Pick<Deps, "secrets" | "clock" | "config">,
	account: { provider: string; name: string; apiKey: string; webhookSecret: string | null },
) {
	const id = `${account.provider}:${account.name}`;
	const seal = (value: string, column: string) => ports.secrets.seal(value, place(id, column));
	const apiKey = seal(account.apiKey, "api_key");
	const webhookSecret = account.webhookSecret === null ? null : seal(account.webhookSecret, "webhook_secret");
	const row = { id, provider: account.provider, name: account.name, apiKey, webhookSecret, createdAt: ports.clock.now() };
	return { id, work: [insertAccount.bind(row), ...lanesOf(ports, id)], guard: { madeAccount: id, madeWith: apiKey } };
}

/**
 * The account that the settings describe gets its row, and every account its lanes: also those of job types that are new
 * since it was made. Safe to repeat.
 */
export async function ensureAccounts(ports: Pick<Deps, "db" | "config" | "clock">, provider: string): Promise<void> {
	const configured = defaultAccount(ports.config, provider);
	if (configured !== null) {
		const name = configured.id.slice(provider.length + 1);
		const row = { id: configured.id, provider, name, apiKey: null, webhookSecret: null, createdAt: ports.clock.now() };
		await ports.db.batch([insertAccount.bind(row)]);
	}
	const known = await ports.db.read(idsOf.bind({ provider }));
	await ports.db.batch(known.flatMap(({ id }) => lanesOf(ports, id)));
}

function lanesOf({ config, clock }: Pick<Deps, "config" | "clock">, accountId: string): Bound<unknown>[] {
	const provider = providerOf(accountId);
	const types = Object.keys(PROVIDERS[provider]?.types ?? {});
	const { perMinute, learns } = settingsOf(config, provider).polls;
	const polls = pollLane(accountId);
	return [
		newLane({ id: polls, kind: "poll", accountId }),
		paceLane.bind({ lane: polls, ...paceOf(perMinute), keep: learns ? 1 : 0 }), // what was learned is not forgotten by a start
		mended(polls, clock.now()),
		newLane({ id: contentLane(accountId), kind: "content", accountId }),
		...types.map((type) => newLane({ id: dispatchLane(accountId, type), kind: "dispatch", accountId })),
	];
}

/** One whose seal does not open proves no hook; the others still do. */
function openedOrNull(ports: Ports, row: Parameters<typeof opened>[1]): Account | null {
	try {
		return opened(ports, row);
	} catch {
		return null;
	}
}

function opened(ports: Ports, row: { id: string; provider: string; apiKey: string | null; webhookSecret: string | null }): Account | null {
	if (row.apiKey === null) return null;
	const open = (value: string, column: string) => ports.secrets.open(value, place(row.id, column));
	const webhookSecrets = row.webhookSecret === null ? [] : [open(row.webhookSecret, "webhook_secret")];
	return accountFrom(ports.config, { id: row.id, apiKey: open(row.apiKey, "api_key"), webhookSecrets });
}
