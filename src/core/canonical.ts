/** JSON with the keys of every object sorted, so that equal requests read equal. */
export function canonicalJson(value: unknown): string {
	return JSON.stringify(value, (_, part: unknown) => (isPlainObject(part) ? sorted(part) : part));
}

const isPlainObject = (value: unknown): value is Record<string, unknown> =>
	typeof value === "object" && value !== null && !Array.isArray(value);

/** Without a prototype, so that a key named `__proto__` stays a key. */
function sorted(object: Record<string, unknown>): Record<string, unknown> {
	const copy: Record<string, unknown> = Object.create(null);
	for (const key of Object.keys(object).toSorted((a, b) => (a < b ? -1 : 1))) copy[key] = object[key];
	return copy;
}
