import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/**
 * The two signature families that cover a callback, over the same body bytes.
 * deAPI: `sha256=` + hex HMAC-SHA256 of `<unix seconds>.<body>`, key = UTF-8 of the whole secret (facts: deAPI webhooks).
 * Standard Webhooks: `v1,` + base64 HMAC-SHA256 of `<id>.<unix seconds>.<body>`, key = decoded base64 after `whsec_`.
 */
export function signDeapi(secret: string, timestampSeconds: string, body: string | Uint8Array): string {
	return `sha256=${createHmac("sha256", secret).update(`${timestampSeconds}.`).update(body).digest("hex")}`;
}

/** Null when the secret is not `whsec_` + base64 of 24–64 bytes: such a secret signs the deAPI family alone. */
export function signStandard(secret: string, id: string, timestampSeconds: string, body: string | Uint8Array): string | null {
	const key = standardKey(secret);
	if (key === null) return null;
	return `v1,${createHmac("sha256", key).update(`${id}.${timestampSeconds}.`).update(body).digest("base64")}`;
}

export function standardKey(secret: string): Uint8Array | null {
	const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
	if (encoded === undefined) return null;
	const key = Buffer.from(encoded, "base64");
	const canonical = key.toString("base64").replace(/=+$/, "") === encoded.replace(/=+$/, "");
	return canonical && key.length >= 24 && key.length <= 64 ? key : null;
}

/** A new secret that signs both families. */
export const newSigningSecret = (): string => `whsec_${randomBytes(32).toString("base64")}`;

/** Constant time in the content; the length is not a secret. */
export function sameText(a: string, b: string): boolean {
	const [x, y] = [Buffer.from(a), Buffer.from(b)];
	return x.length === y.length && timingSafeEqual(x, y);
}
