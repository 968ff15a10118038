import type { Bound, SqlValue } from "../db/db.ts";

/** As the server wants it. */
export interface Statement {
	/** With `$1`, `$2`, … */
	sql: string;
	params: SqlValue[];
}

const texts = new Map<string, string>();

export function statementOf({ stmt, params }: Bound<unknown>): Statement {
	let sql = texts.get(stmt.sql);
	if (sql === undefined) {
		sql = numbered(stmt.sql);
		texts.set(stmt.sql, sql);
	}
	return { sql, params: params.map(clean) };
}

/** `?` outside of quotes becomes `$1`, `$2`, … */
function numbered(text: string): string {
	let n = 0;
	return text.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|\?/g, (found) => (found === "?" ? `$${++n}` : found));
}

/** PostgreSQL keeps no U+0000. */
const clean = (value: SqlValue): SqlValue =>
	typeof value === "string" && value.includes("\u0000") ? value.replaceAll("\u0000", "\ufffd") : value;
