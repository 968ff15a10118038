import { createHash } from "node:crypto";

export const sha256Hex = (what: string | Uint8Array): string => createHash("sha256").update(what).digest("hex");
