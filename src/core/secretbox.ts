import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from "node:crypto";

/** Where a sealed value lives. It is authenticated with it, so that a value copied to another row does not open there. */
export interface Place {
	table: string;
	column: string;
	row: string;
	app: string;
}

/** Said to the decipher, too: by itself it would take the first four bytes of a tag for the whole. */
const TAG_BYTES = 16;

/** Of what was opened, so much is kept, in the memory that has the keys, too. */
const MOST_KEPT = 1000;
const LONGEST_KEPT = 512;

/** One purpose, one key: what seals rows never signs links. */
export type Purpose = "seal" | "hook-token" | "result-link";

/**
 * The operator's master keys: the first one seals and signs, the others still open and verify (rotation).
 * A sealed value reads `v1.<key id>.<nonce>.<ciphertext + tag>`, base64url, AES-256-GCM.
 */
export class Secretbox {
	readonly #keys: readonly { id: string; of: Record<Purpose, Buffer> }[];
	/** What was opened, by text and place: the same few secrets sign every callback, and opening one costs as much as signing. */
	readonly #opened = new Map<string, string>();

	/** @param masterKeys 32 bytes each; at least one. */
	constructor(masterKeys: readonly Uint8Array[]) {
		if (masterKeys.length === 0) throw new Error("no master key");
		this.#keys = masterKeys.map((key) => ({
			id: createHash("sha256").update(key).digest("hex").slice(0, 8),
			of: { seal: derive(key, "seal"), "hook-token": derive(key, "hook-token"), "result-link": derive(key, "result-link") },
		}));
	}

	seal(plain: string, place: Place): string {
		const [key] = this.#keys;
		if (key === undefined) throw new Error("no master key");
		const nonce = randomBytes(12);
		const cipher = createCipheriv("aes-256-gcm", key.of.seal, nonce).setAAD(bindingOf(place));
		const sealed = Buffer.concat([cipher.update(plain, "utf8"), cipher.final(), cipher.getAuthTag()]);
		return `v1.${key.id}.${nonce.toString("base64url")}.${sealed.toString("base64url")}`;
	}

	/** Throws when the key is not among the master keys, or the value was changed or moved. */
	open(sealed: string, place: Place): string {
		const known = `${sealed} ${JSON.stringify(place)}`;
		const opened = this.#opened.get(known);
		if (opened !== undefined) return opened;
		const plain = this.#decrypt(sealed, place);
		if (plain.length > LONGEST_KEPT) return plain;
		if (this.#opened.size >= MOST_KEPT) this.#opened.delete(this.#opened.keys().next().value ?? "");
		this.#opened.set(known, plain);
		return plain;
	}

	#decrypt(sealed: string, place: Place): string {
		const [version, keyId, nonce, body] = sealed.split(".");
		const key = this.#keys.find((k) => k.id === keyId);
		if (version !== "v1" || key === undefined || nonce === undefined || body === undefined)
			throw new Error(`${place.table}.${place.column} was sealed with a master key that is not configured (key id ${keyId})`);
		const bytes = Buffer.from(body, "base64url");
		const decipher = createDecipheriv("aes-256-gcm", key.of.seal, Buffer.from(nonce, "base64url"), { authTagLength: TAG_BYTES });
		decipher.setAAD(bindingOf(place)).setAuthTag(bytes.subarray(-TAG_BYTES));
		return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]).toString("utf8");
	}

	/** Keys of one purpose, the current one first. */
	keysFor(purpose: Exclude<Purpose, "seal">): readonly Buffer[] {
		return this.#keys.map((key) => key.of[purpose]);
	}
}

const derive = (key: Uint8Array, purpose: Purpose) => Buffer.from(hkdfSync("sha256", key, "jobhook", purpose, 32));
const bindingOf = (p: Place) => Buffer.from(JSON.stringify([p.table, p.column, p.row, p.app]));
