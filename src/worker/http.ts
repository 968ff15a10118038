import type { Config } from "../config.ts";
import { AddressGuard, type AddressRules } from "../core/address/guard.ts";
import { literalOf } from "../core/address/literal.ts";
import type { Http, HttpAnswer, HttpRequest } from "../core/http.ts";
import { handOver, Thrown } from "../core/take.ts";
import { BROKEN, chunksOf, LATE, readUpTo, sendable } from "./http-bodies.ts";

/**
 * Outbound HTTP over the platform's `fetch`, which is silent about when it failed: a refused connection and one that
 * broke behind the request are the same words, and so are an unknown name, bad TLS and an answer that is not HTTP.
 * So only what is refused here is `before`.
 */
export function createFetchHttp(config: AddressRules & Pick<Config, "publicUrl">): Http {
	const mayReach = guardOver(config);
	return async (request) => {
		if (request.reach === "public" && !mayReach(request.url)) return { kind: "failed", reason: "address_refused", before: true };
		const abort = new AbortController();
		const deadline = setTimeout(() => abort.abort(LATE), request.deadlineMs);
		try {
			return await exchange(request, abort);
		} catch (e) {
			if (e instanceof Thrown) throw e.error;
			if (e === BROKEN || abort.signal.reason === BROKEN) return { kind: "failed", reason: "body_broken", before: true };
			const late = e === LATE || abort.signal.reason === LATE;
			return { kind: "failed", reason: late ? "timeout" : "connection_lost", before: false };
		} finally {
			clearTimeout(deadline);
			abort.abort(); // closes what is still open
		}
	};
}

async function exchange(request: HttpRequest, abort: AbortController): Promise<HttpAnswer> {
	const { url, method, headers, body, keepBytes, take } = request;
	const { signal } = abort;
	const dueAt = Date.now() + request.deadlineMs;
	const answer = await fetch(url, {
		method,
		headers,
		body: sendable(body, abort),
		redirect: "manual",
		signal,
		...(method === "GET" ? { cache: "no-store" as const } : {}), // what an edge has kept is no news
		...(take === undefined ? {} : { encodeResponseBody: "manual" as const }), // else workerd unpacks it
	});
	// workerd takes an interim answer for the last one, and the real one for its body
	if (answer.status < 200) throw new Error(`an interim answer: ${answer.status}`);
	const flat = [...answer.headers.keys()].map((name) => [name, answer.headers.get(name) ?? ""]);
	const head = { status: answer.status, headers: Object.fromEntries(flat) as Record<string, string> };
	if (take === undefined || head.status > 299) {
		const { text, truncated } = await readUpTo(answer.body, keepBytes);
		return { kind: "response", ...head, body: text, truncated };
	}
	await handOver(take, head, answer.body === null ? [] : chunksOf(answer.body, dueAt), signal);
	return { kind: "response", ...head, body: "", truncated: false };
}

/**
 * Judges addresses as on Node, and names by their spelling alone: what a name resolves to is between fetch and
 * Cloudflare, whose network has no way into private ones. `CALLBACK_ALLOW` lists addresses, so it opens no name but
 * `localhost`. Hosts of the operator's own zone are reached as by anyone, through their front door with its firewall and
 * Access, not straight at the origin: that is `global_fetch_strictly_public` in wrangler.toml.
 */
function guardOver(config: Parameters<typeof createFetchHttp>[0]): (url: string) => boolean {
	const listing = new AddressGuard(config, config.publicUrl);
	const open = new AddressGuard({ ...config, callbackAllow: [] }, config.publicUrl);
	return (text) => {
		if (!URL.canParse(text)) return false;
		const { hostname } = new URL(text);
		const address = hostname === "localhost" ? "127.0.0.1" : literalOf(hostname);
		const listed = address !== null && listing.judge(address) === "listed";
		return (listed ? listing : open).objection(text) === null;
	};
}
