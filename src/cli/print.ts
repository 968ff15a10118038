import { writeSync } from "node:fs";

/** A value as one cell: nothing for null, words with commas, the rest as it is. */
const cell = (value: unknown): string => {
	if (value === null || value === undefined) return "";
	if (Array.isArray(value)) return value.join(",");
	return typeof value === "object" ? JSON.stringify(value) : String(value);
};

/** Rows under a heading, columns as wide as they need. */
export function table(rows: readonly object[], columns: readonly string[]): string {
	if (rows.length === 0) return "none";
	const cells = [
		columns.map((column) => column.toUpperCase()),
		...rows.map((row) => columns.map((column) => cell((row as Record<string, unknown>)[column]))),
	];
	const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)));
	return cells
		.map((line) =>
			line
				.map((text, i) => text.padEnd(widths[i] ?? 0))
				.join("  ")
				.trimEnd(),
		)
		.join("\n");
}

/** One thing, a line for each field. */
export function card(thing: object): string {
	const fields = Object.entries(thing);
	const width = Math.max(...fields.map(([name]) => name.length));
	return fields.map(([name, value]) => `${name.padEnd(width)}  ${cell(value)}`.trimEnd()).join("\n");
}

/** What a command found or did: one line of JSON, or text for people. */
export function tell(options: { json?: boolean }, data: object, text: () => string): void {
	console.log(options.json ? JSON.stringify(data) : text());
}

/** The secret alone on standard output, so that it can be piped; what else is to be known on the other one. */
export function tellSecret(options: { json?: boolean }, data: object, secret: string, about: string): void {
	if (!options.json) console.error(`${about}; shown this once:`);
	writeSync(process.stdout.fd, `${options.json ? JSON.stringify(data) : secret}\n`); // throws where it cannot be written: it is not shown again
}

/** A page, and how to see the next one. */
export const listText = (list: { data: readonly object[]; next_cursor: string | null }, columns: readonly string[]): string =>
	table(list.data, columns) + (list.next_cursor === null ? "" : `\nmore with --cursor ${list.next_cursor}`);
