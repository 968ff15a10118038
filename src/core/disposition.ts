import { BrokenForm } from "./parts.ts";

/** How a part calls itself, e.g. `form-data; name="data"; filename="a clip.mp4"`. */
export interface PartName {
	name: string;
	filename: string | null;
}

const PARAMETER = /\s*;\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))/sy;

/** The names of a part. Browsers send them as UTF-8 in quotes with `%22` for a quote, others with a backslash before it. */
export function partName(disposition: string | string[] | undefined): PartName {
	if (typeof disposition !== "string") throw new BrokenForm("a part has not one Content-Disposition");
	const [type = ""] = /^\s*[^\s;]*/.exec(disposition) ?? [];
	if (type.trim().toLowerCase() !== "form-data") throw new BrokenForm("a part is not form-data");
	const found = parameters(disposition, type.length);
	const name = found.get("name");
	if (name === undefined || name === "") throw new BrokenForm("a part has no name");
	const filename = decoded(found.get("filename*")) ?? found.get("filename") ?? "";
	return { name, filename: filename === "" ? null : filename };
}

function parameters(text: string, from: number): Map<string, string> {
	const found = new Map<string, string>();
	let end = from;
	PARAMETER.lastIndex = end;
	for (let match = PARAMETER.exec(text); match !== null; match = PARAMETER.exec(text)) {
		end = PARAMETER.lastIndex;
		const [, name = "", quoted, token = ""] = match;
		found.set(name.toLowerCase(), quoted === undefined ? token : unquoted(quoted));
	}
	if (/[^\s;]/.test(text.slice(end))) throw new BrokenForm("the Content-Disposition of a part");
	return found;
}

/** A backslash before anything else is one of a path. */
const unquoted = (text: string): string => text.replaceAll(/\\(["\\])/g, "$1").replaceAll(/%22/g, '"');

/** `UTF-8''%E2%82%AC.mp4`; null: not that. */
function decoded(extended: string | undefined): string | null {
	const [, text] = /^utf-8'[^']*'(.*)$/i.exec(extended ?? "") ?? [];
	try {
		return text === undefined ? null : decodeURIComponent(text);
	} catch {
		return null;
	}
}
