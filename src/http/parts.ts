import { make as makeHeaders } from "multipasta/HeadersParser";
import { make as makeSearch } from "multipasta/Search";
import { JobhookError } from "../errors.ts";

const MAX_PARTS = 20;
/** What may follow the closing boundary; it means nothing. */
const EPILOGUE_MAX_BYTES = 65_536;
const CRLF = new TextEncoder().encode("\r\n");
const NOTHING = new Uint8Array(0);

type Headers = Readonly<Record<string, string | string[]>>;
export type Piece = { kind: "head"; headers: Headers } | { kind: "bytes"; bytes: Uint8Array } | { kind: "end" };

export const broken = (why: string): JobhookError => new JobhookError("invalid_request", `the multipart body is broken: ${why}`);

/**
 * A multipart body as its parts, each a head, bytes and an end. A chunk is read when the pieces of the one before it have been
 * taken. What is no multipart body throws `invalid_request`, and so does one that breaks off.
 */
export async function* piecesOf(chunks: AsyncIterable<Uint8Array>, boundary: string): AsyncGenerator<Piece, void, undefined> {
	const splitter = new Splitter();
	const search = makeSearch(`\r\n--${boundary}`, (index, bytes) => splitter.take(index, bytes));
	search.write(CRLF); // before the first boundary there need not be a line
	let behind = 0;
	for await (const chunk of chunks) {
		if (splitter.isOver) behind += chunk.length;
		else search.write(chunk);
		if (behind > EPILOGUE_MAX_BYTES) throw broken("there is more behind its closing boundary");
		yield* splitter.made.splice(0);
	}
	if (!splitter.isOver) search.end();
	yield* splitter.made;
	if (!splitter.isOver) throw broken("it ends before its closing boundary");
}

/** Puts what stands between two boundaries together again, however it was cut. */
class Splitter {
	readonly made: Piece[] = [];
	#state: "preamble" | "start" | "head" | "body" | "over" = "preamble";
	#index = 0;
	/** The two bytes behind a boundary: a line break, or `--` behind the last one. */
	#start = "";
	#headers = makeHeaders();

	get isOver(): boolean {
		return this.#state === "over";
	}

	/** `index` counts the boundaries before these bytes. */
	take(index: number, bytes: Uint8Array): void {
		if (this.#state === "over") return;
		if (index !== this.#index) this.#next(index);
		let rest = bytes;
		if (this.#state === "start") rest = this.#begin(rest);
		if (this.#state === "head" && rest.length > 0) rest = this.#head(rest);
		if (this.#state === "body" && rest.length > 0) this.made.push({ kind: "bytes", bytes: rest });
	}

	#next(index: number): void {
		if (this.#state === "body") this.made.push({ kind: "end" });
		else if (this.#state !== "preamble") throw broken("a part has no body");
		if (index !== this.#index + 1) throw broken("a part is empty");
		[this.#index, this.#state, this.#start] = [index, "start", ""];
	}

	#begin(bytes: Uint8Array): Uint8Array {
		const missing = 2 - this.#start.length;
		this.#start += String.fromCharCode(...bytes.subarray(0, missing));
		if (this.#start.length < 2) return NOTHING;
		if (this.#start !== "\r\n" && this.#start !== "--") throw broken("a boundary does not end its line");
		if (this.#start === "\r\n" && this.#index > MAX_PARTS) throw broken(`it has more than ${MAX_PARTS} parts`);
		this.#state = this.#start === "--" ? "over" : "head";
		return bytes.subarray(missing);
	}

	#head(bytes: Uint8Array): Uint8Array {
		const read = this.#headers(bytes, 0);
		if (read._tag === "Continue") return NOTHING;
		if (read._tag === "Failure") throw broken(`the headers of a part (${read.reason})`);
		this.made.push({ kind: "head", headers: read.headers });
		this.#state = "body";
		return bytes.subarray(read.endPosition);
	}
}
