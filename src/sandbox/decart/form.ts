import { partName } from "../../core/disposition.ts";
import { sha256Stream } from "../../core/hash.ts";
import { BrokenForm, boundaryIn, piecesOf } from "../../core/parts.ts";

/** Fields whose parts are files even when they have no filename, as aiohttp 4 sends them. */
export const fileFields = ["data", "start", "end", "reference_image", "file"] as const;
export type FileField = (typeof fileFields)[number];

/** All that is kept of a file: nothing here gives its bytes back. */
export interface Upload {
	filename: string | null;
	type: string;
	bytes: number;
	sha256: string;
}

/** A later part of the same name wins. */
export type Form = ReadonlyMap<string, string | Upload>;

/** Starlette's own limits of a form. */
const textLimit = 1024 * 1024;
const fieldLimit = 1000;

/** A body of another type is a form without fields: what is missing is named by whoever reads it. */
export async function readForm(request: Request): Promise<Form> {
	const type = request.headers.get("content-type") ?? "";
	if (type.startsWith("application/x-www-form-urlencoded")) return new Map(new URLSearchParams(await request.text()));
	const isForm = /^multipart\/form-data\b/i.test(type);
	const boundary = boundaryIn(type);
	if (request.body === null || boundary === null || !isForm) {
		if (isForm) throw new BrokenForm("no body, or no boundary");
		await request.body?.cancel();
		return new Map();
	}
	const form = new Map<string, () => string | Upload>();
	let part: Collected<string | Upload> = textOf();
	for await (const piece of piecesOf(request.body, boundary, fieldLimit)) {
		if (piece.kind === "bytes") part.take(piece.bytes);
		if (piece.kind !== "head") continue;
		const { name, filename } = partName(piece.headers["content-disposition"]);
		const isFile = filename !== null || fileFields.some((field) => field === name);
		part = isFile ? fileOf(filename, String(piece.headers["content-type"] ?? "application/octet-stream")) : textOf();
		form.set(name, part.value);
	}
	return new Map(Array.from(form, ([name, value]) => [name, value()]));
}

interface Collected<T> {
	take(bytes: Uint8Array): void;
	value(): T;
}

function fileOf(filename: string | null, type: string): Collected<Upload> {
	const hash = sha256Stream();
	let bytes = 0;
	return {
		take(piece) {
			hash.add(piece);
			bytes += piece.length;
		},
		value: () => ({ filename, type, bytes, sha256: hash.hex() }),
	};
}

function textOf(): Collected<string> {
	const decoder = new TextDecoder();
	let text = "";
	return {
		take(piece) {
			text += decoder.decode(piece, { stream: true });
			if (text.length > textLimit) throw new BrokenForm("a field is too long");
		},
		value: () => text + decoder.decode(),
	};
}
