import type { Http } from "../core/http.ts";
import { withoutSecrets } from "../core/redacted.ts";
import type { Account, Provider } from "./provider.ts";

/** Of an account what its provider and we alone may know. */
export const secretsOf = ({ apiKey, webhookSecrets }: Account): string[] => [apiKey, ...webhookSecrets];

/**
 * The same provider, whose answers are read without the secrets of the account: one that repeats them in an error does not bring
 * them into jobs, timelines, logs or callbacks. Files are passed on byte by byte, as they are.
 */
export const discreet = ({ price, ...provider }: Provider): Provider => ({
	...provider,
	send: (http, account, send, nowMs) => provider.send(quiet(http, account, send.hookUrl), account, send, nowMs),
	poll: (http, account, ...rest) => provider.poll(quiet(http, account), account, ...rest),
	fetchResult: (http, account, ...rest) => provider.fetchResult(quiet(http, account), account, ...rest),
	models: (http, account) => provider.models(quiet(http, account), account),
	price: price && ((http, account, job) => price(quiet(http, account), account, job)),
});

/** `hookUrl` ends with a token, which lets in whoever has it. */
function quiet(http: Http, account: Account, hookUrl: string | null = null): Http {
	const secrets = [...secretsOf(account), hookUrl?.split("/").at(-1) ?? ""];
	return async (request) => {
		const answer = await http(request);
		return answer.kind === "failed" ? answer : { ...answer, body: withoutSecrets(answer.body, secrets, { cut: answer.truncated }) };
	};
}
