import type { Config } from "../config.ts";
import { AddressGuard, literalOf } from "../core/address.ts";
import type { Http, HttpAnswer, HttpRequest } from "../core/http.ts";

/**
 * Outbound HTTP over the platform's `fetch`, which is silent about when it failed: a refused connection and one that
 * broke behind the request are the same words, and so are an unknown name, bad TLS and an answer that is not HTTP.
 * So only what is refused here is `before`.
 */
export function createFetchHttp(config: Pick<Config, "callbackAllow">): Http {
	const mayReach = guardOver(config.callbackAllow);
	return async (request) => {
		if (request.reach === "public" && !mayReach(request.url)) return { kind: "failed", reason: "address_refused", before: true };
		const abort = new AbortController();
		let late = false;
		const deadline = setTimeout(() => {
			late = true;
			abort.abort();
		}, request.deadlineMs);
		try {
			return await exchange(request, abort.signal);
		} catch {
			return { kind: "failed", reason: late ? "timeout" : "connection_lost", before: false };
		} finally {
			clearTimeout(deadline);
			abort.abort(); // closes what is still open
		}
	};
}

async function exchange({ url, method, headers, body, keepBytes }: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
	const answer = await fetch(url, {
		method,
		headers,
		body: body === undefined ? null : new TextEncoder().encode(body), // to a string fetch would add a content type
		redirect: "manual",
		signal,
		...(method === "GET" ? { cache: "no-store" as const } : {}), // what an edge has kept is no news
	});
	// workerd takes an interim answer for the last one, and the real one for its body
	if (answer.status < 200) throw new Error(`an interim answer: ${answer.status}`);
	const { text, truncated } = await readUpTo(answer.body, keepBytes);
	const flat = [...answer.headers.keys()].map((name) => [name, answer.headers.get(name) ?? ""]);
	return { kind: "response", status: answer.status, headers: Object.fromEntries(flat), body: text, truncated };
}

/** The first bytes as text, after workerd's own unpacking, which goes no further than we read. */
async function readUpTo(body: ReadableStream<Uint8Array> | null, limit: number): Promise<{ text: string; truncated: boolean }> {
	const decoder = new TextDecoder();
	let text = "";
	let size = 0;
	for await (const chunk of body ?? []) {
		text += decoder.decode(chunk.subarray(0, Math.max(0, limit - size)), { stream: true });
		size += chunk.length;
		if (size > limit) break; // leaving the loop cancels the stream
	}
	return { text: (text + decoder.decode()).replaceAll("\u0000", "\ufffd"), truncated: size > limit };
}

/**
 * Judges addresses as on Node, and names by their spelling alone: what a name resolves to is between fetch and
 * Cloudflare, whose network has no way into private ones. `CALLBACK_ALLOW` lists addresses, so it opens no name but
 * `localhost`. Hosts of the operator's own zone are reached as by anyone, through their front door with its firewall and
 * Access, not straight at the origin: that is `global_fetch_strictly_public` in wrangler.toml.
 */
function guardOver(allow: readonly string[]): (url: string) => boolean {
	const [listing, open] = [new AddressGuard(allow), new AddressGuard([])];
	return (text) => {
		if (!URL.canParse(text)) return false;
		const { hostname } = new URL(text);
		const address = hostname === "localhost" ? "127.0.0.1" : literalOf(hostname);
		if (address !== null && listing.judge(address) === "listed") return true;
		return open.objection(text) === null;
	};
}
