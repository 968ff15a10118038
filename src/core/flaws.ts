/** One thing in a JSON value that cannot be kept as it was sent, e.g. `{ path: ["metadata", "id"], message: "…" }`. */
export interface Flaw {
	path: string[];
	message: string;
}

const MAX_DEPTH = 32;
const MAX_FLAWS = 20;
/** More parts than any request has; looking at all of a body made of `[[],[],…]` would hold up everybody else. */
const MAX_PARTS = 50_000;

/**
 * What valid JSON can say and databases, receivers or we would change in silence: numbers that lose digits, U+0000, halves
 * of a surrogate pair, a field named `__proto__`, nesting without end. At most twenty are named.
 */
export function flawsOf(value: unknown): Flaw[] {
	const flaws: Flaw[] = [];
	const open: { value: unknown; path: string[] }[] = [{ value, path: [] }];
	let parts = 0;
	for (let next = open.pop(); next !== undefined && flaws.length < MAX_FLAWS; next = open.pop()) {
		const { value: part, path } = next;
		const message = flawOf(part, path.length);
		if (message !== null) flaws.push({ path, message });
		else if (isComposite(part)) {
			if (Array.isArray(part) && parts + part.length > MAX_PARTS) parts = Number.POSITIVE_INFINITY;
			const names = parts > MAX_PARTS ? [] : Object.keys(part);
			parts += names.length;
			if (parts > MAX_PARTS) return [{ path: [], message: `must not have more than ${MAX_PARTS} parts` }];
			for (const name of names.toReversed()) open.push({ value: (part as Record<string, unknown>)[name], path: [...path, name] });
		}
	}
	return flaws;
}

function flawOf(value: unknown, depth: number): string | null {
	if (typeof value === "string") return isPlainText(value) ? null : "must be Unicode text without U+0000 and lone surrogates";
	if (typeof value === "number") return isExact(value) ? null : "must be within ±9007199254740991; send a larger number as text";
	if (!isComposite(value)) return null;
	if (depth > MAX_DEPTH) return `must not be nested more than ${MAX_DEPTH} deep`;
	const names = Array.isArray(value) ? [] : Object.keys(value);
	if (names.includes("__proto__")) return "must not have a field named __proto__";
	return names.every(isPlainText) ? null : "must not have a field whose name holds U+0000 or a lone surrogate";
}

const isComposite = (value: unknown): value is object => typeof value === "object" && value !== null;
const isPlainText = (text: string): boolean => text.isWellFormed() && !text.includes("\u0000");
/** Fractions are what doubles are for; a whole number that is no longer exact was another one when it was sent. */
const isExact = (n: number): boolean => Number.isFinite(n) && (!Number.isInteger(n) || Number.isSafeInteger(n));
