import { make as makeHeaders } from "multipasta/HeadersParser";
import { make as makeSearch } from "multipasta/Search";

/** What may follow the closing boundary; it means nothing. */
const EPILOGUE_MAX_BYTES = 65_536;
const CRLF = new TextEncoder().encode("\r\n");
const NOTHING = new Uint8Array(0);

type Headers = Readonly<Record<string, string | string[]>>;
export type Piece = { kind: "head"; headers: Headers } | { kind: "bytes"; bytes: Uint8Array } | { kind: "end" };

/** The body is not the form that it says it is. */
export class BrokenForm extends Error {}

/** What a Content-Type names; null: it names none, or one that no body could have. */
export function boundaryIn(contentType: string): string | null {
	const [, quoted, token] = /;\s*boundary=(?:"([^"]+)"|([^\s;"]+))/i.exec(contentType) ?? [];
	const boundary = quoted ?? token ?? "";
	return /^[\x20-\x7e]{1,70}$/.test(boundary) ? boundary : null;
}

/**
 * A multipart body as its parts, each a head, bytes and an end. A chunk is read when the pieces of the one before it have been
 * taken. What is no multipart body throws `BrokenForm`, and so does one that breaks off.
 */
export async function* piecesOf(
	chunks: AsyncIterable<Uint8Array>,
	boundary: string,
	maxParts: number,
): AsyncGenerator<Piece, void, undefined> {
	const splitter = new Splitter(maxParts);
	const search = makeSearch(`\r\n--${boundary}`, (index, bytes) => splitter.take(index, bytes));
	search.write(CRLF); // before the first boundary there need not be a line
	let behind = 0;
	for await (const chunk of chunks) {
		if (splitter.isOver) behind += chunk.length;
		else search.write(chunk);
		if (behind > EPILOGUE_MAX_BYTES) throw new BrokenForm("there is more behind its closing boundary");
		yield* splitter.made.splice(0);
	}
	if (!splitter.isOver) search.end();
	yield* splitter.made;
	if (!splitter.isOver) throw new BrokenForm("it ends before its closing boundary");
}

/** Puts what stands between two boundaries together again, however it was cut. */
class Splitter {
	readonly #maxParts: number;
	readonly made: Piece[] = [];
	#state: "preamble" | "start" | "head" | "body" | "over" = "preamble";
	#index = 0;
	/** The two bytes behind a boundary: a line break, or `--` behind the last one. */
	#start = "";
	#headers = makeHeaders();

	constructor(maxParts: number) {
		this.#maxParts = maxParts;
	}

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
		else if (this.#state !== "preamble") throw new BrokenForm("a part has no body");
		if (index !== this.#index + 1) throw new BrokenForm("a part is empty");
		[this.#index, this.#state, this.#start] = [index, "start", ""];
	}

	#begin(bytes: Uint8Array): Uint8Array {
		const missing = 2 - this.#start.length;
		this.#start += String.fromCharCode(...bytes.subarray(0, missing));
		if (this.#start.length < 2) return NOTHING;
		if (this.#start !== "\r\n" && this.#start !== "--") throw new BrokenForm("a boundary does not end its line");
		if (this.#start === "\r\n" && this.#index > this.#maxParts) throw new BrokenForm(`it has more than ${this.#maxParts} parts`);
		this.#state = this.#start === "--" ? "over" : "head";
		return bytes.subarray(missing);
	}

	#head(bytes: Uint8Array): Uint8Array {
		const read = this.#headers(bytes, 0);
		if (read._tag === "Continue") return NOTHING;
		if (read._tag === "Failure") throw new BrokenForm(`the headers of a part (${read.reason})`);
		this.made.push({ kind: "head", headers: read.headers });
		this.#state = "body";
		return bytes.subarray(read.endPosition);
	}
}
