import { createHmac } from "node:crypto";
import type { Secretbox } from "./secretbox.ts";
import { sameText } from "./signature.ts";

const signature = (key: Buffer, jobId: string, expires: string) =>
	createHmac("sha256", key).update(`${jobId}.${expires}`).digest("base64url");

/** `PUBLIC_URL/results/{job}?exp&sig`: whoever holds it reads the result until `exp` (unix seconds). */
export function resultLink(secrets: Secretbox, publicUrl: string, jobId: string, expiresAtMs: number): string {
	const exp = String(Math.floor(expiresAtMs / 1000));
	const [key] = secrets.keysFor("result-link");
	if (key === undefined) throw new Error("no master key");
	return `${publicUrl}/results/${jobId}?exp=${exp}&sig=${signature(key, jobId, exp)}`;
}

export function isResultLink(secrets: Secretbox, jobId: string, exp: string, sig: string, nowMs: number): boolean {
	if (!/^\d{1,12}$/.test(exp) || Number(exp) * 1000 < nowMs) return false;
	return secrets.keysFor("result-link").some((key) => sameText(signature(key, jobId, exp), sig));
}
