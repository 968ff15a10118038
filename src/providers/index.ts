import type { Config } from "../config.ts";
import { isLoopbackUrl } from "../core/address.ts";
import { deapi } from "./deapi.ts";
import type { Account, Provider } from "./provider.ts";

/** Every provider this version speaks to. */
export const PROVIDERS: Readonly<Record<string, Provider>> = { deapi };

/** The account `default` of a provider, from the settings; null when it is not configured. */
export function defaultAccount(config: Config, provider: string): Account | null {
	if (provider !== "deapi" || config.deapiApiKey === undefined) return null;
	const name = config.sandbox ? "sandbox" : "default"; // what was sent to the one is never asked of the other
	return accountFrom(config, { id: `deapi:${name}`, apiKey: config.deapiApiKey, webhookSecrets: config.deapiWebhookSecrets });
}

/** How long a provider may take to end a job, milliseconds. */
export const jobDeadlineMs = (config: Config, provider: string): number =>
	PROVIDERS[provider]?.jobDeadlineMs(config) ?? config.deapiJobDeadlineMs;

/** Credentials with what the settings say of their provider. */
export function accountFrom(config: Config, credentials: Pick<Account, "id" | "apiKey" | "webhookSecrets">): Account {
	return { ...credentials, baseUrl: config.deapiBaseUrl, deadlineMs: config.providerDeadlineMs, retryAfterCapMs: config.retryAfterCapMs };
}

/** Whether a provider can post to us: over https, or because it stands on this machine as the sandbox does. */
export function canBeHooked(account: Account, publicUrl: string): boolean {
	return publicUrl.startsWith("https://") || isLoopbackUrl(account.baseUrl);
}
