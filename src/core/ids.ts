import { randomBytes, randomUUID } from "node:crypto";

export type IdPrefix = "job" | "sub" | "evt" | "ep" | "dlv" | "att" | "app" | "key" | "rcp" | "file" | "rec";

/** The body of every id: a UUIDv7 (RFC 9562) as 32 hex digits, so that ids sort by the time they were made. */
export function uuid7Hex(nowMs: number): string {
	const random = randomUUID(); // a version 4 has its variant and its random digits where a version 7 has them
	return `${timeHex(nowMs)}7${random.slice(15, 18)}${random.slice(19, 23)}${random.slice(24)}`;
}

const timeHex = (ms: number): string => ms.toString(16).padStart(12, "0");

/** Sorts before every id that was made at this time or later, and behind all others of its prefix. */
export const idAt = (prefix: IdPrefix, ms: number): string => `${prefix}_${timeHex(ms)}`;

export const newId = (prefix: IdPrefix, nowMs: number): string => `${prefix}_${uuid7Hex(nowMs)}`;

/** A value no one can guess and no one sorts by: claims and request ids. */
export const nonce = (): string => randomUUID();

/** A secret in letters, digits, `-` and `_`. */
export const randomText = (bytes: number): string => randomBytes(bytes).toString("base64url");

/** `evt_0190…` as `0190….-….`: how the same identity is spelled in deAPI's fields and headers. */
export function hyphenated(id: string): string {
	const hex = id.slice(id.indexOf("_") + 1);
	return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Reads both spellings of an id; null when it is neither. */
export function parseId(prefix: IdPrefix, text: string): string | null {
	const hex = text.startsWith(`${prefix}_`) ? text.slice(prefix.length + 1) : text.replaceAll("-", "").toLowerCase();
	return /^[0-9a-f]{32}$/.test(hex) ? `${prefix}_${hex}` : null;
}
