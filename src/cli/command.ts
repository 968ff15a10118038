import { type Command, CommanderError, InvalidArgumentError } from "commander";
import { SCOPES, type Scope } from "../access/keys.ts";
import { DEFAULT_APP } from "../core/default-app.ts";
import { type IdPrefix, parseId } from "../core/ids.ts";
import type { Page } from "../db/page.ts";
import { pageOf, pageParams } from "../http/list.ts";

export interface Json {
	json?: boolean;
}

/** Commands under one word, e.g. `keys`. */
export const group = (program: Command, name: string, description: string): Command => program.command(name).description(description);

/** One command, e.g. `revoke <id>`; every one knows `--json`. */
export const leaf = (parent: Command, usage: string, description: string): Command =>
	parent.command(usage).description(description).option("--json", "answer with one line of JSON");

export const ofApp = (command: Command): Command => command.option("--app <name>", "the app", DEFAULT_APP);

export interface Paged {
	limit: number;
	cursor?: string;
}
export const paged = (command: Command): Command =>
	command
		.option("--limit <n>", "how many at most", wholeNumber(1, 1000), 100)
		.option("--cursor <cursor>", "what the page before ended with");

export function pageFrom(prefix: IdPrefix, { limit, cursor }: Paged): Page {
	const parsed = pageParams(prefix).cursor.safeParse(cursor);
	if (!parsed.success) throw wrongUsage("--cursor must be the next_cursor of a page of this list");
	return pageOf(prefix, { limit, cursor: parsed.data });
}

/** A mistake that no single option shows. */
export const wrongUsage = (message: string) => new CommanderError(2, "jobhook.usage", `error: ${message}`);

export function scopes(text: string): Scope[] {
	const wanted = [...new Set(text.split(",").map((part) => part.trim()))];
	const known = wanted.filter((scope): scope is Scope => (SCOPES as readonly string[]).includes(scope));
	if (known.length !== wanted.length || known.length === 0) throw new InvalidArgumentError(`One or more of ${SCOPES.join(",")}.`);
	return known;
}

export function matching(pattern: RegExp, words: string) {
	return (text: string): string => {
		if (!pattern.test(text)) throw new InvalidArgumentError(words);
		return text;
	};
}

/** An id in either spelling. */
export function idOf(prefix: IdPrefix) {
	return (text: string): string => {
		const id = parseId(prefix, text);
		if (id === null) throw new InvalidArgumentError(`An id, like ${prefix}_019365f0a1b27c3d8e4f5061728394a5.`);
		return id;
	};
}

export function wholeNumber(min: number, max: number) {
	return (text: string): number => {
		const n = /^\d+$/.test(text) ? Number(text) : Number.NaN;
		if (!(n >= min && n <= max)) throw new InvalidArgumentError(`A whole number from ${min} to ${max}.`);
		return n;
	};
}
