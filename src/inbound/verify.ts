import { sameText, signDeapi } from "../core/signature.ts";

export type Verified =
	| "authentic"
	| "no_secret"
	| "unknown_account"
	| "no_signature"
	| "bad_timestamp"
	| "bad_signature"
	| "outside_window";

/**
 * Whether these bytes come from the provider: its signature over `<timestamp>.<raw body>` with any of the account's
 * secrets, and a signed time within the window in both directions (a captured hook is not accepted later).
 */
export function verifyDeapi(hook: {
	signature: string | undefined;
	timestamp: string | undefined;
	body: Uint8Array;
	secrets: readonly string[];
	nowMs: number;
	windowMs: number;
}): Verified {
	const { signature, timestamp, body, secrets, nowMs, windowMs } = hook;
	if (secrets.length === 0) return "no_secret";
	if (!signature) return "no_signature";
	if (timestamp === undefined || !/^\d{1,12}$/.test(timestamp)) return "bad_timestamp";
	if (!secrets.some((secret) => sameText(signDeapi(secret, timestamp, body), signature))) return "bad_signature";
	return Math.abs(nowMs - Number(timestamp) * 1000) <= windowMs ? "authentic" : "outside_window";
}
