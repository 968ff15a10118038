import { ascii, concat } from "./bytes.ts";

export interface PartHead {
	name: string;
	/** Null = the part has none. */
	filename: string | null;
	type: string | null;
}

/** The body is not the form it says it is. */
export class BrokenForm extends Error {}

const headLimit = 16_384;

/**
 * Reads multipart/form-data (RFC 7578) as it comes. `open` says what takes a part's bytes; nothing else is kept of them.
 * Not `request.formData()`: that holds whole uploads, and turns a file without a filename into text, which loses its bytes.
 */
export async function readMultipart(
	body: AsyncIterable<Uint8Array>,
	boundary: string,
	open: (head: PartHead) => (bytes: Uint8Array) => void,
): Promise<void> {
	const delimiter = Uint8Array.from(ascii(`\r\n--${boundary}`));
	let held: Uint8Array = Uint8Array.from(ascii("\r\n")); // the first delimiter is a line of its own as well
	let state = "part" as "part" | "delimited" | "head" | "end"; // widened: the loop below moves it inside step()
	let take: (bytes: Uint8Array) => void = () => {}; // of what stands before the first part

	/** False = more bytes are needed. */
	function step(): boolean {
		if (state === "end") return false;
		if (state === "delimited") {
			if (held.length < 2) return false;
			const [a, b] = held;
			if (a === 45 && b === 45) state = "end";
			else if (a === 13 && b === 10) state = "head";
			else throw new BrokenForm("a delimiter is followed by neither a line nor the end");
			return true;
		}
		const at = find(held, state === "head" ? blankLine : delimiter);
		if (state === "head") {
			if (at < 0 && held.length > headLimit) throw new BrokenForm("the head of a part is too long");
			if (at < 0) return false;
			take = open(readHead(new TextDecoder().decode(held.subarray(0, at))));
			held = held.subarray(at + blankLine.length);
			state = "part";
			return true;
		}
		const known = at < 0 ? Math.max(0, held.length - delimiter.length + 1) : at;
		if (known > 0) take(held.subarray(0, known));
		held = held.subarray(at < 0 ? known : at + delimiter.length);
		if (at >= 0) state = "delimited";
		return at >= 0;
	}

	for await (const chunk of body) {
		held = held.length === 0 ? chunk : concat([held, chunk]);
		while (step());
	}
	if (state !== "end") throw new BrokenForm("the last part does not end");
}

const blankLine = Uint8Array.from([13, 10, 13, 10]);

/** Where `needle` begins, or -1. It begins with a carriage return, which is looked for at native speed. */
function find(bytes: Uint8Array, needle: Uint8Array): number {
	for (let at = bytes.indexOf(13); at >= 0 && at + needle.length <= bytes.length; at = bytes.indexOf(13, at + 1)) {
		let same = 1;
		while (same < needle.length && bytes[at + same] === needle[same]) same++;
		if (same === needle.length) return at;
	}
	return -1;
}

function readHead(text: string): PartHead {
	const header = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, "im").exec(text)?.[1]?.trim();
	const disposition = header("content-disposition") ?? "";
	const parameter = (name: string) => {
		const [, quoted, plain] = new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]+))`, "i").exec(disposition) ?? [];
		return quoted?.replace(/\\(["\\])/g, "$1") ?? plain ?? null;
	};
	const name = parameter("name");
	if (name === null) throw new BrokenForm("a part has no name");
	return { name, filename: parameter("filename"), type: header("content-type") ?? null };
}

/** The boundary in a content type; null when it is not multipart/form-data. */
export function boundaryOf(contentType: string): string | null {
	const [, quoted, plain] = /^multipart\/form-data\b.*;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType) ?? [];
	return quoted ?? plain ?? null;
}
