import { z } from "zod";
import type { HttpAnswer, HttpRequest } from "../../core/http.ts";
import { retryAfterMs } from "../../core/retry-after.ts";
import type { Account } from "../provider.ts";

const KEEP_BYTES = 262_144;

/** A call of Decart's queue API. */
export const request = (account: Account, method: HttpRequest["method"], path: string): HttpRequest => ({
	method,
	url: `${account.baseUrl}/v1/jobs/${path}`,
	headers: { "x-api-key": account.apiKey, accept: "*/*", "user-agent": "jobhook/0.1" },
	deadlineMs: account.deadlineMs,
	keepBytes: KEEP_BYTES,
	reach: "operator",
});

/** A name in a path; null: it would change the path. */
export const segment = (name: string): string | null => (/^\.{0,2}$/.test(name) ? null : encodeURIComponent(name));

/** `{"detail":"…"}`, FastAPI's list of what is wrong with which field, `{"error":"…"}` from the door, or plain text. */
const Failure = z.object({
	detail: z.union([z.string(), z.array(z.object({ loc: z.array(z.unknown()).catch([]), msg: z.string() }))]).optional(),
	error: z.string().optional(),
});
const MESSAGE_MAX = 2000;

/** What Decart has against a request, in its own words. */
export function messageOf(body: string, status: number): string {
	const { detail, error } = Failure.safeParse(parse(body)).data ?? {};
	const listed = Array.isArray(detail) ? detail.map(({ loc, msg }) => `${loc.slice(1).join(".")}: ${msg}`).join("; ") : detail;
	return (listed || error || `Decart answered ${status}`).slice(0, MESSAGE_MAX);
}

/** Null when it is not JSON. */
export function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}

export const retryAfter = (answer: HttpAnswer & { kind: "response" }, account: Account, nowMs: number) =>
	retryAfterMs(answer.headers["retry-after"], nowMs, account.retryAfterCapMs);
