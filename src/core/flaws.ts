/** One thing in a JSON value that cannot be kept as it was sent, e.g. `{ path: ["metadata", "id"], message: "…" }`. */
export interface Flaw {
	path: string[];
	message: string;
}

const MAX_DEPTH = 32;
const MAX_FLAWS = 20;

/**
 * What valid JSON can say and databases, receivers or we would change in silence: numbers that lose digits, U+0000, halves
 * of a surrogate pair, a field named `__proto__`, nesting without end. At most twenty are named.
 */
export function flawsOf(value: unknown): Flaw[] {
	const flaws: Flaw[] = [];
	for (const flaw of search(value, [])) if (flaws.push(flaw) === MAX_FLAWS) break;
	return flaws;
}

function* search(value: unknown, path: string[]): Generator<Flaw> {
	const message = flawOf(value, path.length);
	if (message !== null) yield { path, message };
	else if (isComposite(value))
		for (const [key, part] of Object.entries(value)) if (isComposite(part) || flawOf(part, 0) !== null) yield* search(part, [...path, key]);
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
