/** Where everything is kept: a SQLite file by its path, or a database on a PostgreSQL server by its URL. */
export type DatabasePlace =
	| { readonly engine: "sqlite"; readonly path: string }
	/** `name`: the URL without user, password and parameters, as it may be logged. */
	| { readonly engine: "postgres"; readonly url: string; readonly name: string };

const HOST = String.raw`[\w.-]+(?::\d{1,5})?`;
/** Several hosts with commas: the first that answers. With an unescaped sign half of a password would be taken for a host, and be shown. */
const POSTGRES = new RegExp(String.raw`^postgres(?:ql)?://(?:[^/?#@\s]*@)?(${HOST}(?:,${HOST})*)(?:/([^/?#@\s]*))?(?:\?[^#@\s]*)?$`, "i");

/** Null: neither. */
export function parseDatabase(text: string): DatabasePlace | null {
	const [, scheme] = /^([a-z]+):\/\//i.exec(text) ?? [];
	if (scheme === undefined || scheme === "file") return { engine: "sqlite", path: text.replace(/^file:/, "") };
	const [, hosts, database] = POSTGRES.exec(text) ?? [];
	if (hosts === undefined || !isEscaped(text)) return null;
	return { engine: "postgres", url: text, name: `postgres://${hosts}${database ? `/${database}` : ""}` };
}

function isEscaped(text: string): boolean {
	try {
		decodeURIComponent(text);
		return true;
	} catch {
		return false;
	}
}
