import type { R2Bucket, R2MultipartUpload, R2UploadedPart } from "@cloudflare/workers-types";
import { inTime } from "./r2-call.ts";

/** R2 wants parts of one size, of 5 MiB at least; an isolate has 128 MB for all that it does at once. */
export const PART_BYTES = 5 * 1_048_576;

/** In parts, which nobody sees until the end; at once where one would do. */
export class R2Upload {
	readonly #bucket: R2Bucket;
	readonly #key: string;
	readonly #parts: R2UploadedPart[] = [];
	#multipart: R2MultipartUpload | null = null;
	#rest: Uint8Array = new Uint8Array(0);

	constructor(bucket: R2Bucket, key: string) {
		this.#bucket = bucket;
		this.#key = key;
	}

	/** Only the last piece is shorter than a part. */
	async add(piece: Uint8Array): Promise<void> {
		if (piece.length < PART_BYTES) this.#rest = piece;
		else await this.#send(piece);
	}

	async #send(part: Uint8Array): Promise<void> {
		this.#multipart ??= await inTime(() => this.#bucket.createMultipartUpload(this.#key));
		const multipart = this.#multipart;
		this.#parts.push(await inTime(() => multipart.uploadPart(this.#parts.length + 1, part)));
	}

	async end(): Promise<void> {
		if (this.#multipart !== null && this.#rest.length > 0) await this.#send(this.#rest);
		const multipart = this.#multipart;
		await inTime<unknown>(() => (multipart === null ? this.#bucket.put(this.#key, this.#rest) : multipart.complete(this.#parts)));
	}

	/** What this leaves, R2 itself drops after a week. */
	async abort(): Promise<void> {
		const multipart = this.#multipart;
		if (multipart !== null) await inTime(() => multipart.abort()).catch(() => {}); // the first error says more
	}
}
