import { accountById } from "../access/accounts.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import { defaultAccount } from "../providers/index.ts";
import type { Account } from "../providers/provider.ts";

/** Whose job it is, and the account of an imported key. */
export interface Owner {
	appId: string;
	accountId: string | null;
}

/** Null when there is none at this provider. */
export async function findAccount(deps: Deps, { accountId }: Owner, provider: string): Promise<Account | null> {
	if (accountId === null) return defaultAccount(deps.config, provider);
	return accountId.startsWith(`${provider}:`) ? accountById(deps, accountId) : null;
}

/** The account that a job at this provider is sent with; throws `provider_not_configured`. */
export async function accountOf(deps: Deps, owner: Owner, provider: string): Promise<Account> {
	const account = await findAccount(deps, owner, provider);
	if (account !== null) return account;
	const why =
		owner.accountId === null
			? `the operator sets ${provider.toUpperCase()}_API_KEY, or SANDBOX=1 to try without one`
			: `the account ${owner.accountId} of this key is not in use${deps.config.sandbox ? " with SANDBOX=1" : ""}`;
	throw new JobhookError("provider_not_configured", `no key for ${provider}: ${why}`);
}
