import { createHmac } from "node:crypto";
import type { Secretbox } from "./secretbox.ts";
import { sameText } from "./signature.ts";

/*
 * A hook token names a submission and proves that we made it: base64url of the id's 16 bytes and 16 bytes of HMAC.
 * A forged one is refused before any database work, and nothing has to be stored.
 */
const MAC_BYTES = 16;

const mac = (key: Buffer, id: Buffer) => createHmac("sha256", key).update(id).digest().subarray(0, MAC_BYTES);

export function hookToken(secrets: Secretbox, submissionId: string): string {
	const id = Buffer.from(submissionId.slice("sub_".length), "hex");
	const [key] = secrets.keysFor("hook-token");
	if (key === undefined) throw new Error("no master key");
	return Buffer.concat([id, mac(key, id)]).toString("base64url");
}

/** The submission a token names; null when it is not one of ours. */
export function submissionOfToken(secrets: Secretbox, token: string): string | null {
	const bytes = Buffer.from(token, "base64url");
	if (bytes.length !== 16 + MAC_BYTES) return null;
	const id = bytes.subarray(0, 16);
	const given = bytes.subarray(16).toString("hex");
	const ours = secrets.keysFor("hook-token").some((key) => sameText(mac(key, id).toString("hex"), given));
	return ours ? `sub_${id.toString("hex")}` : null;
}
