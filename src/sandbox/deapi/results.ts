import type { Clock } from "../../core/clock.ts";
import { nonce } from "../../core/ids.ts";
import { sameText, signDeapi } from "../../core/signature.ts";

export interface ResultLinks {
	/** A URL that needs no key and ends in a file name; a new one at every call. */
	url(jobId: string, extension: string): string;
	/** True while the token in the query belongs to this job and has not run out. */
	allows(jobId: string, query: URLSearchParams): boolean;
}

export function createResultLinks(clock: Clock, baseUrl: string, ttlMs: number): ResultLinks {
	const key = nonce(); // links die with the sandbox, as its jobs do
	const signature = (jobId: string, expires: string, token: string) => signDeapi(key, expires, `${jobId}.${token}`);
	return {
		url(jobId, extension) {
			const [expires, token] = [String(Math.floor((clock.now() + ttlMs) / 1000)), nonce()];
			const query = new URLSearchParams({ expires, token, signature: signature(jobId, expires, token) });
			return `${baseUrl}/results/${jobId}.${extension}?${query}`;
		},
		allows(jobId, query) {
			const [expires, token] = [query.get("expires") ?? "", query.get("token") ?? ""];
			const genuine = sameText(query.get("signature") ?? "", signature(jobId, expires, token));
			return genuine && clock.now() < Number(expires) * 1000;
		},
	};
}
