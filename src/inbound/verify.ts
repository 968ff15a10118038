import { sameText, signDeapi } from "../core/signature.ts";

export type Verified =
	| "authentic"
	| "no_secret"
	| "unknown_account"
	| "no_signature"
	| "bad_timestamp"
	| "bad_signature"
	| "outside_window";

/** What the provider says in headers, and the time to judge it by. */
export interface Claim {
	signature: string | undefined;
	timestamp: string | undefined;
	nowMs: number;
	windowMs: number;
}

/**
 * Why these headers prove nothing, whatever the body is; null where that depends on the body. The window is no secret,
 * so a time outside of it is told before anybody has looked whether it was signed.
 */
export function flawOf({ signature, timestamp, nowMs, windowMs }: Claim): Exclude<Verified, "authentic"> | null {
	if (!signature) return "no_signature";
	if (timestamp === undefined || !/^\d{1,12}$/.test(timestamp)) return "bad_timestamp";
	if (!/^sha256=[0-9a-f]{64}$/.test(signature)) return "bad_signature";
	return Math.abs(nowMs - Number(timestamp) * 1000) <= windowMs ? null : "outside_window";
}

/**
 * Whether these bytes come from the provider: its signature over `<timestamp>.<raw body>` with any of the account's
 * secrets, and a signed time within the window in both directions (a captured hook is not accepted later).
 */
export function verifyDeapi(hook: Claim & { body: Uint8Array; secrets: readonly string[] }): Verified {
	const { signature = "", timestamp = "", body, secrets } = hook;
	if (secrets.length === 0) return "no_secret";
	const flaw = flawOf(hook);
	if (flaw !== null) return flaw;
	return secrets.some((secret) => sameText(signDeapi(secret, timestamp, body), signature)) ? "authentic" : "bad_signature";
}
