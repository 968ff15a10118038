import type { Fields } from "../form.ts";
import type { FieldErrors } from "./errors.ts";

export interface Range {
	min?: number | undefined;
	max?: number | undefined;
	multipleOf?: number | undefined;
}

/** Reads fields as Laravel's validator does: each reader returns the value, or null and, if that is wrong, one text. */
export interface Rules {
	errors: FieldErrors;
	fail(field: string, text: string): null;
	/** `The <name> field <what>`. */
	refuse(name: string, what: string): null;
	/** The text of Laravel's `in`. */
	refuseChoice(name: string): null;
	/** Null = absent. */
	given(name: string): unknown;
	text(name: string, required: boolean, length?: Range): string | null;
	integer(name: string, required: boolean, range?: Range): number | null;
	number(name: string, required: boolean, range?: Range): number | null;
	boolean(name: string, required: boolean): boolean | null;
}

export function createRules(fields: Fields, prefix = ""): Rules {
	const errors: FieldErrors = {};
	const fail = (field: string, text: string): null => {
		errors[field] = [...(errors[field] ?? []), text];
		return null;
	};
	const inWords = (name: string): string => `${prefix}${name}`.replaceAll("_", " ");
	const refuse = (name: string, what: string): null => fail(`${prefix}${name}`, `The ${inWords(name)} field ${what}`);
	const given = (name: string): unknown => fields[name] ?? null;
	const absent = (name: string, required: boolean): null => (required ? refuse(name, "is required.") : null);

	function numeric(name: string, required: boolean, kind: "an integer" | "a number", range: Range = {}): number | null {
		const raw = given(name);
		if (raw === null) return absent(name, required);
		const value = toNumber(raw);
		if (value === null || (kind === "an integer" && !Number.isSafeInteger(value))) return refuse(name, `must be ${kind}.`);
		if (range.min !== undefined && value < range.min) return refuse(name, `must be at least ${range.min}.`);
		if (range.max !== undefined && value > range.max) return refuse(name, `must not be greater than ${range.max}.`);
		if (range.multipleOf !== undefined && value % range.multipleOf !== 0) return refuse(name, `must be a multiple of ${range.multipleOf}.`);
		return value;
	}

	return {
		errors,
		fail,
		refuse,
		refuseChoice: (name) => fail(`${prefix}${name}`, `The selected ${inWords(name)} is invalid.`),
		given,
		text(name, required, { min, max } = {}) {
			const value = given(name);
			if (value === null) return absent(name, required);
			if (typeof value !== "string") return refuse(name, "must be a string.");
			if (min !== undefined && value.length < min) return refuse(name, `must be at least ${min} characters.`);
			if (max !== undefined && value.length > max) return refuse(name, `must not be greater than ${max} characters.`);
			return value;
		},
		integer: (name, required, range) => numeric(name, required, "an integer", range),
		number: (name, required, range) => numeric(name, required, "a number", range),
		boolean(name, required) {
			const value = given(name);
			if (value === null) return absent(name, required);
			return spellings.get(value) ?? refuse(name, "must be true or false.");
		},
	};
}

/** JSON, the SDK's forms, and everyone else's. */
const spellings = new Map<unknown, boolean>([
	...[true, 1, "1", "true"].map((value) => [value, true] as const),
	...[false, 0, "0", "false"].map((value) => [value, false] as const),
]);

/** Forms carry numbers as text, so text that spells one is one. */
function toNumber(given: unknown): number | null {
	if (typeof given === "number") return Number.isFinite(given) ? given : null;
	if (typeof given !== "string" || !/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(given)) return null;
	const value = Number(given);
	return Number.isFinite(value) ? value : null;
}
