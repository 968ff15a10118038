import { createHash } from "node:crypto";

export const sha256Hex = (what: string | Uint8Array): string => createHash("sha256").update(what).digest("hex");

/** The same of bytes that come piece by piece; asked for once, behind the last. */
export function sha256Stream(): { add(bytes: Uint8Array): void; hex(): string } {
	const hash = createHash("sha256");
	return { add: (bytes) => void hash.update(bytes), hex: () => hash.digest("hex") };
}
