import { fileTypeFromBuffer } from "file-type";
import { readBlobKey } from "../core/blobs.ts";
import { sha256Stream } from "../core/hash.ts";
import type { Deps } from "../deps.ts";
import { JobhookError } from "../errors.ts";
import type { StoredFile } from "./stored.ts";

/** What file-type looks at, at most. */
const HEAD_BYTES = 4100;
const UNKNOWN = "application/octet-stream";

interface Place {
	id: string;
	/** Where its bytes go; never used before. */
	key: string;
	name: string | null;
	/** The type that its sender claims, where the sender is to be believed when the bytes say nothing. */
	claims: string | null;
}

/**
 * Streams a file into the blob store; resolves when it is on disk, for a row to name it. More than `maxBytes` throws
 * `payload_too_large` while they come, and what `chunks` throws is thrown on: there is no half of it then.
 */
export async function keepFile(
	{ blobs }: Pick<Deps, "blobs">,
	{ id, key, name, claims }: Place,
	chunks: AsyncIterable<Uint8Array>,
	maxBytes: number,
): Promise<StoredFile> {
	const hash = sha256Stream();
	let sizeBytes = 0;
	let head = new Uint8Array(0);
	async function* seen() {
		for await (const chunk of chunks) {
			sizeBytes += chunk.length;
			if (sizeBytes > maxBytes) throw tooLarge(key, maxBytes);
			hash.add(chunk);
			if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES - head.length)]);
			yield chunk;
		}
	}
	await blobs.write(key, seen());
	const contentType = (await mimeOf(head)) ?? typeIn(claims) ?? UNKNOWN;
	return { id, name, contentType, sizeBytes, sha256: hash.hex(), blob: key };
}

function tooLarge(key: string, maxBytes: number): JobhookError {
	const setting = readBlobKey(key)?.kind === "results" ? "RESULT_MAX_MB" : "FILE_MAX_MB";
	return new JobhookError("payload_too_large", `a file has at most ${maxBytes} bytes here (${setting})`);
}

/** Null: these bytes are like nothing that is known, or break off where more was to come. */
async function mimeOf(head: Uint8Array): Promise<string | null> {
	try {
		return (await fileTypeFromBuffer(head))?.mime ?? null;
	} catch {
		return null;
	}
}

function typeIn(claims: string | null): string | null {
	const type = claims?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
	return type.length <= 100 && /^[a-z0-9.+-]+\/[a-z0-9.+-]+$/.test(type) ? type : null;
}
