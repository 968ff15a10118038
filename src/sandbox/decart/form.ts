import { BrokenForm, boundaryOf, type PartHead, readMultipart } from "../multipart.ts";
import { createSha256 } from "../sha256.ts";

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
	const boundary = boundaryOf(type);
	if (request.body === null || boundary === null) {
		if (type.startsWith("multipart/form-data")) throw new BrokenForm("no body, or no boundary");
		await request.body?.cancel();
		return new Map();
	}
	const form = new Map<string, () => string | Upload>();
	await readMultipart(request.body, boundary, (head) => {
		if (form.size >= fieldLimit) throw new BrokenForm("too many fields");
		const isFile = head.filename !== null || fileFields.some((name) => name === head.name);
		const { take, value } = isFile ? fileOf(head) : textOf();
		form.set(head.name, value);
		return take;
	});
	return new Map(Array.from(form, ([name, value]) => [name, value()]));
}

interface Collected<T> {
	take(bytes: Uint8Array): void;
	value(): T;
}

function fileOf({ filename, type }: PartHead): Collected<Upload> {
	const hash = createSha256();
	let bytes = 0;
	return {
		take(piece) {
			hash.add(piece);
			bytes += piece.length;
		},
		value: () => ({ filename, type: type ?? "application/octet-stream", bytes, sha256: hash.hex() }),
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
