/** JSON as it is written on the wire, with what no JavaScript value can say: the same name twice, `__proto__`, `1e400`. */
export type Tree = null | boolean | number | string | Tree[] | Fields | Written | Named | Nested;
export interface Fields {
	fields: [name: string, value: Tree][];
}
/** Stands in the text as it is, e.g. `1e400`. */
export interface Written {
	written: string;
}
/** An id of something that is there when the request leaves. */
export interface Named {
	id: IdWish;
}
/** So many brackets around nothing. */
export interface Nested {
	nested: number;
	open: "[" | '{"a":';
}

export const KINDS = ["job", "ep", "dlv", "evt", "file", "key", "app", "rec", "sub"] as const;
export type Kind = (typeof KINDS)[number];
export const SPELLINGS = ["as it is", "hyphens", "bare", "upper", "prefix twice", "cut", "longer", "another kind", "nobody's"] as const;
export type Spelling = (typeof SPELLINGS)[number];
/** `pick`: which of those there are. `spelling`: how it is written; `nobody's` is well formed and of nothing. */
export interface IdWish {
	kind: Kind | "provider job";
	whose: "own" | "another's";
	pick: number;
	spelling: Spelling;
}

export const fields = (of: Record<string, Tree>): Fields => ({ fields: Object.entries(of) });
const isFields = (tree: Tree): tree is Fields => typeof tree === "object" && tree !== null && "fields" in tree;

export function written(tree: Tree, idOf: (wish: IdWish) => string): string {
	if (Array.isArray(tree)) return `[${tree.map((item) => written(item, idOf)).join(",")}]`;
	if (typeof tree !== "object" || tree === null) return JSON.stringify(tree);
	if ("written" in tree) return tree.written;
	if ("id" in tree) return JSON.stringify(idOf(tree.id));
	if ("nested" in tree) return tree.open.repeat(tree.nested) + (tree.open === "[" ? "]" : "1}").repeat(tree.nested);
	return `{${tree.fields.map(([name, value]) => `${JSON.stringify(name)}:${written(value, idOf)}`).join(",")}}`;
}

export type Change =
	| { do: "replace" | "add" | "twice"; with: Tree; name: string }
	| { do: "remove" | "null" | "list" | "longer" | "number as text" };

/** One place of it changed: `at` counts them all, from the outside in. */
export function changed(tree: Tree, at: number, change: Change): Tree {
	const places = count(tree);
	return walk(tree, { left: at % places }, change) ?? null;
}

function count(tree: Tree): number {
	const parts = Array.isArray(tree) ? tree : isFields(tree) ? tree.fields.map(([, value]) => value) : [];
	return 1 + parts.map(count).reduce((sum, one) => sum + one, 0);
}

/** Undefined: the place itself is gone. */
function walk(tree: Tree, at: { left: number }, change: Change): Tree | undefined {
	if (at.left-- === 0) return applied(tree, change);
	if (Array.isArray(tree)) return tree.flatMap((item) => walk(item, at, change) ?? []);
	if (!isFields(tree)) return tree;
	const twice: Fields["fields"] = [];
	const kept = tree.fields.flatMap(([name, value]): Fields["fields"] => {
		const here = at.left === 0;
		const next = walk(value, at, change);
		if (here && change.do === "twice") twice.push([name, change.with]);
		return next === undefined ? [] : [[name, next]];
	});
	return { fields: [...kept, ...twice] };
}

function applied(tree: Tree, change: Change): Tree | undefined {
	switch (change.do) {
		case "replace":
			return change.with;
		case "add":
			return isFields(tree) ? { fields: [...tree.fields, [change.name, change.with]] } : change.with;
		case "twice":
			return tree;
		case "remove":
			return undefined;
		case "null":
			return null;
		case "list":
			return [tree];
		case "longer":
			return typeof tree === "string" ? `${tree}${tree.slice(0, 50) || "x"}`.repeat(60) : tree;
		case "number as text":
			return typeof tree === "number" ? String(tree) : typeof tree === "string" ? 7 : tree;
	}
}
