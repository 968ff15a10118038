import type { Config } from "../config.ts";
import { isLoopbackUrl } from "../core/address/literal.ts";
import { deapi } from "./deapi.ts";
import { decart } from "./decart.ts";
import { discreet } from "./discreet.ts";
import type { Account, JobType, Provider, ProviderSettings } from "./provider.ts";

/** Every provider this version speaks to. */
export const PROVIDERS: Readonly<Record<string, Provider>> = { deapi: discreet(deapi), decart: discreet(decart) };

export const typeOf = (job: { provider: string; type: string }): JobType | null => PROVIDERS[job.provider]?.types[job.type] ?? null;

/** Account ids read `<provider>:<name>`. */
export const providerOf = (accountId: string): string => accountId.slice(0, accountId.indexOf(":"));

export function settingsOf(config: Config, provider: string): ProviderSettings {
	const known = PROVIDERS[provider];
	if (known === undefined) throw new Error(`this version has no provider ${provider}`);
	return known.settings(config);
}

/** The account `default` of a provider, from the settings; null when it is not configured. */
export function defaultAccount(config: Config, provider: string): Account | null {
	const { apiKey, webhookSecrets } = PROVIDERS[provider]?.settings(config) ?? {};
	if (apiKey === undefined || webhookSecrets === undefined) return null;
	const name = config.sandbox ? "sandbox" : "default"; // what was sent to the one is never asked of the other
	return accountFrom(config, { id: `${provider}:${name}`, apiKey, webhookSecrets });
}

/** Credentials with what the settings say of their provider. */
export function accountFrom(config: Config, credentials: Pick<Account, "id" | "apiKey" | "webhookSecrets">): Account {
	const { providerDeadlineMs: deadlineMs, transferDeadlineMs, retryAfterCapMs } = config;
	const { baseUrl } = settingsOf(config, providerOf(credentials.id));
	return { ...credentials, baseUrl, deadlineMs, transferDeadlineMs, retryAfterCapMs };
}

/** Whether its provider can post to us: over https, or because it stands on this machine as the sandbox does. */
export function canBeHooked(account: Account, publicUrl: string): boolean {
	if ((PROVIDERS[providerOf(account.id)]?.readHook ?? null) === null) return false;
	return publicUrl.startsWith("https://") || isLoopbackUrl(account.baseUrl);
}
