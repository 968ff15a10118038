import type { HttpAnswer } from "../core/http.ts";
import { withoutSecrets } from "../core/redacted.ts";
import type { Deps } from "../deps.ts";
import type { Credentials } from "./credentials.ts";
import { type Signable, signedHeaders } from "./sign.ts";

/** `timeoutMs`: of the whole attempt; null: the setting's. */
export interface Receiver extends Credentials {
	url: string;
	timeoutMs: number | null;
}

/**
 * One signed POST. What is ours stands whatever header fields the receiver has. It never throws: what went wrong is the answer.
 * An answer that repeats what it was sent, as a debug page does, comes without secrets, signatures and the receiver's own header fields.
 */
export async function send(deps: Deps, what: Signable, to: Receiver): Promise<HttpAnswer> {
	const signed = signedHeaders(what, to.secrets, deps.clock.now());
	const answer = await deps.http({
		method: "POST",
		url: to.url,
		headers: { ...to.headers, ...signed },
		body: what.body,
		deadlineMs: to.timeoutMs ?? deps.config.attemptDeadlineMs,
		keepBytes: deps.config.responseKeepBytes,
		reach: "public",
	});
	if (answer.kind === "failed") return answer;
	const signatures = ["webhook-signature", "x-deapi-signature"].map((name) => signed[name] ?? "");
	const secrets = [...to.secrets, ...signatures, ...Object.values(to.headers)];
	return { ...answer, body: withoutSecrets(answer.body, secrets, { cut: answer.truncated }) };
}
