import { type PartName, partName } from "../core/disposition.ts";
import { BrokenForm, boundaryIn, type Piece, piecesOf } from "../core/parts.ts";
import { JobhookError } from "../errors.ts";
import { validationFailed } from "./errors.ts";

const MAX_PARTS = 20;

export interface Reading {
	/** The parts that are text, even where they come with a file name; every other part is a file. */
	fields: readonly string[];
	maxFieldBytes: number;
	/** Is given the bytes as they come, and is waited for before more are read. What it leaves is skipped, what it throws is thrown on. */
	onFile: (part: PartName, chunks: AsyncIterable<Uint8Array>) => Promise<void>;
}

export const isMultipart = (request: Request): boolean => /^multipart\/form-data\s*(;|$)/i.test(request.headers.get("content-type") ?? "");

/** Reads a `multipart/form-data` body without ever holding a file; resolves with the text parts at its end. */
export async function readMultipart(request: Request, reading: Reading): Promise<Map<string, string>> {
	try {
		return await readParts(request, reading);
	} catch (e) {
		if (!(e instanceof BrokenForm)) throw e;
		throw new JobhookError("invalid_request", `the multipart body is broken: ${e.message}`);
	}
}

async function readParts(request: Request, { fields, maxFieldBytes, onFile }: Reading): Promise<Map<string, string>> {
	const boundary = boundaryIn(request.headers.get("content-type") ?? "");
	if (boundary === null) throw new BrokenForm("its Content-Type names no boundary");
	const pieces = piecesOf(chunksOf(request), boundary, MAX_PARTS);
	const texts = new Map<string, string>();
	for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
		if (next.value.kind !== "head") continue; // what is left of a part
		const part = partName(next.value.headers["content-disposition"]);
		if (!fields.includes(part.name)) await onFile(part, bytesOf(pieces));
		else if (texts.has(part.name)) throw validationFailed([{ field: part.name, message: "comes twice" }]);
		else texts.set(part.name, await textOf(part.name, bytesOf(pieces), maxFieldBytes));
	}
	return texts;
}

/** Not canceled by whoever leaves it: that would cut the connection before our answer. */
async function* chunksOf({ body }: Request): AsyncGenerator<Uint8Array, void, undefined> {
	const reader = body?.getReader();
	for (let chunk = await reader?.read(); chunk !== undefined && !chunk.done; chunk = await reader?.read()) yield chunk.value;
}

async function* bytesOf(pieces: AsyncGenerator<Piece, void, undefined>): AsyncGenerator<Uint8Array, void, undefined> {
	for (let next = await pieces.next(); !next.done && next.value.kind === "bytes"; next = await pieces.next()) yield next.value.bytes;
}

async function textOf(name: string, chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
	const parts: Uint8Array[] = [];
	let size = 0;
	for await (const chunk of chunks) {
		size += chunk.length;
		if (size > maxBytes) throw new JobhookError("payload_too_large", `the part ${name} has at most ${maxBytes} bytes`);
		parts.push(chunk);
	}
	try {
		return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(Buffer.concat(parts));
	} catch {
		throw new JobhookError("invalid_request", `the part ${name} is not valid UTF-8`);
	}
}
