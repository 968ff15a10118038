/** The fields of a body, whatever its content type: null-prototype, so that `__proto__` is an ordinary name. */
export type Fields = Record<string, unknown>;

/**
 * Reads JSON, multipart and urlencoded bodies as PHP does: bracket keys nest, a body that is not an object counts as empty
 * (the validator then names what is missing), strings are trimmed and an empty one means null.
 */
export async function readFields(request: Request): Promise<Fields> {
	const type = request.headers.get("content-type") ?? "";
	const isForm = type.includes("multipart/form-data") || type.includes("application/x-www-form-urlencoded");
	try {
		return isForm ? fromPairs((await request.formData()).entries()) : fromJson(await request.text());
	} catch {
		return empty(); // a broken body is a body without fields
	}
}

const empty = (): Fields => Object.create(null) as Fields;

function fromJson(text: string): Fields {
	const parsed: unknown = JSON.parse(text);
	const fields = empty();
	if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return fields;
	for (const [name, value] of Object.entries(parsed)) fields[name] = emptyToNull(value);
	return fields;
}

/** `a=1`, `a[b][c]=1`, `a[]=1`; a later pair of the same name wins. */
export function fromPairs(pairs: Iterable<[string, unknown]>): Fields {
	const root = empty();
	for (const [key, raw] of pairs) {
		const [first = "", ...rest] = segments(key);
		let target = root;
		let name = first;
		for (const segment of rest) {
			const inner = target[name];
			const next = isFields(inner) ? inner : empty();
			target[name] = next;
			target = next;
			name = segment === "" ? String(Object.keys(next).length) : segment;
		}
		target[name] = emptyToNull(raw);
	}
	for (const name of Object.keys(root)) root[name] = toLists(root[name]);
	return root;
}

/** PHP itself stops at 64 levels; nothing here needs more than three. */
const maxDepth = 8;

function segments(key: string): string[] {
	const open = key.indexOf("[");
	if (open <= 0 || !key.endsWith("]")) return [key];
	return [key.slice(0, open), ...key.slice(open + 1, -1).split("][")].slice(0, maxDepth);
}

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null && Object.getPrototypeOf(value) === null;

/** Keys 0, 1, 2… make a list, as a PHP array of such keys is one in JSON. */
function toLists(value: unknown): unknown {
	if (!isFields(value)) return value;
	const names = Object.keys(value);
	const values = names.map((name) => toLists(value[name]));
	if (names.every((name, i) => name === String(i))) return values;
	return Object.assign(empty(), Object.fromEntries(names.map((name, i) => [name, values[i]])));
}

function emptyToNull(value: unknown): unknown {
	if (typeof value !== "string") return value;
	const trimmed = value.trim();
	return trimmed === "" ? null : trimmed;
}
