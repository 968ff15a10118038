import type { HttpAnswer } from "../core/http.ts";
import type { Deps } from "../deps.ts";
import { type Signable, signedHeaders } from "./sign.ts";

/** One signed POST. It never throws: what went wrong is the answer. */
export function send(deps: Deps, what: Signable, to: { url: string; secret: string }): Promise<HttpAnswer> {
	return deps.http({
		method: "POST",
		url: to.url,
		headers: signedHeaders(what, to.secret, deps.clock.now()),
		body: what.body,
		deadlineMs: deps.config.attemptDeadlineMs,
		keepBytes: deps.config.responseKeepBytes,
		reach: "public",
	});
}
