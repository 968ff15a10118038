import { missing, type Problem } from "./errors.ts";
import type { FileField, Form, Upload } from "./form.ts";

/** Reads a form as FastAPI does: each reader gives the value, or null and, if that is wrong, one problem. */
export interface Fields {
	problems: Problem[];
	/** Null = absent, or empty, which FastAPI takes for the same. */
	text(name: string, required?: boolean): string | null;
	integer(name: string, min: number, max: number): number | null;
	boolean(name: string): boolean | null;
	/** The first of the values when there is none. */
	choice(name: string, values: readonly [string, ...string[]]): string;
	file(name: FileField, required: boolean): Upload | null;
	/** JSON in a text. */
	json(name: string): unknown;
}

export function createFields(form: Form): Fields {
	const problems: Problem[] = [];
	const loc = (name: string) => ["body", name];
	const fail = (name: string, type: string, msg: string, input: unknown, ctx?: Record<string, unknown>): null => {
		problems.push({ type, loc: loc(name), msg, input, ...(ctx === undefined ? {} : { ctx }) });
		return null;
	};
	const absent = (name: string, required: boolean): null => {
		if (required) problems.push(missing(...loc(name)));
		return null;
	};

	function text(name: string, required = false): string | null {
		const value = form.get(name) ?? "";
		if (typeof value !== "string") return fail(name, "string_type", "Input should be a valid string", null);
		return value === "" ? absent(name, required) : value;
	}

	return {
		problems,
		text,
		integer(name, min, max) {
			const raw = text(name);
			if (raw === null) return null;
			const value = /^\s*[+-]?\d+(\.0*)?\s*$/.test(raw) ? Number(raw) : Number.NaN;
			if (Number.isNaN(value)) return fail(name, "int_parsing", `${whole}, unable to parse string as an integer`, raw);
			if (value < min) return fail(name, "greater_than_equal", `Input should be greater than or equal to ${min}`, raw, { ge: min });
			if (value > max) return fail(name, "less_than_equal", `Input should be less than or equal to ${max}`, raw, { le: max });
			return value;
		},
		boolean(name) {
			const raw = text(name);
			if (raw === null) return null;
			const value = spellings.get(raw.toLowerCase());
			return value ?? fail(name, "bool_parsing", "Input should be a valid boolean, unable to interpret input", raw);
		},
		choice(name, values) {
			const raw = text(name);
			if (raw === null || values.includes(raw)) return raw ?? values[0];
			const expected = values.map((value) => `'${value}'`).join(" or ");
			fail(name, "literal_error", `Input should be ${expected}`, raw, { expected });
			return values[0];
		},
		file(name, required) {
			const value = form.get(name);
			if (value === undefined) return absent(name, required);
			if (typeof value !== "string") return value;
			const error = "Expected UploadFile, received: <class 'str'>";
			return fail(name, "value_error", `Value error, ${error}`, value, { error: {} });
		},
		json(name) {
			const raw = text(name, true);
			if (raw === null) return null;
			try {
				return JSON.parse(raw) as unknown;
			} catch (problem) {
				const error = (problem as Error).message;
				return fail(name, "json_invalid", `Invalid JSON: ${error}`, raw, { error });
			}
		},
	};
}

const whole = "Input should be a valid integer";

/** JavaScript's `true`, Python's `True`, and the rest of what pydantic takes. */
const spellings = new Map([
	...["true", "1", "yes", "on", "t", "y"].map((text) => [text, true] as const),
	...["false", "0", "no", "off", "f", "n"].map((text) => [text, false] as const),
]);
