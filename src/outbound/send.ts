import type { HttpAnswer } from "../core/http.ts";
import type { Deps } from "../deps.ts";
import type { Credentials } from "./credentials.ts";
import { type Signable, signedHeaders } from "./sign.ts";

/** `timeoutMs`: of the whole attempt; null: the setting's. */
export interface Receiver extends Credentials {
	url: string;
	timeoutMs: number | null;
}

/** One signed POST. What is ours stands whatever header fields the receiver has. It never throws: what went wrong is the answer. */
export function send(deps: Deps, what: Signable, to: Receiver): Promise<HttpAnswer> {
	return deps.http({
		method: "POST",
		url: to.url,
		headers: { ...to.headers, ...signedHeaders(what, to.secrets, deps.clock.now()) },
		body: what.body,
		deadlineMs: to.timeoutMs ?? deps.config.attemptDeadlineMs,
		keepBytes: deps.config.responseKeepBytes,
		reach: "public",
	});
}
