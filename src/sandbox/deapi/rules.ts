import type { Fields } from "../form.ts";
import type { FieldErrors } from "./errors.ts";

interface Range {
	required: boolean;
	min?: number | undefined;
	max?: number | undefined;
	multipleOf?: number | undefined;
}

/** Reads fields as Laravel's validator does: each reader returns the value, or null and, if that is wrong, one text. */
export interface Rules {
	errors: FieldErrors;
	fail(field: string, text: string): null;
	text(name: string, required: boolean, maxLength?: number): string | null;
	integer(name: string, range: Range): number | null;
	number(name: string, range: Range): number | null;
}

export function createRules(fields: Fields, prefix = ""): Rules {
	const errors: FieldErrors = {};
	const fail = (field: string, text: string): null => {
		errors[field] = [...(errors[field] ?? []), text];
		return null;
	};
	const refuse = (name: string, what: string): null =>
		fail(`${prefix}${name}`, `The ${`${prefix}${name}`.replaceAll("_", " ")} field ${what}`);

	function numeric(name: string, kind: "an integer" | "a number", range: Range): number | null {
		const given = fields[name] ?? null;
		if (given === null) return range.required ? refuse(name, "is required.") : null;
		const value = toNumber(given);
		if (value === null || (kind === "an integer" && !Number.isSafeInteger(value))) return refuse(name, `must be ${kind}.`);
		if (range.min !== undefined && value < range.min) return refuse(name, `must be at least ${range.min}.`);
		if (range.max !== undefined && value > range.max) return refuse(name, `must not be greater than ${range.max}.`);
		if (range.multipleOf !== undefined && value % range.multipleOf !== 0) return refuse(name, `must be a multiple of ${range.multipleOf}.`);
		return value;
	}

	return {
		errors,
		fail,
		text(name, required, maxLength) {
			const given = fields[name] ?? null;
			if (given === null) return required ? refuse(name, "is required.") : null;
			if (typeof given !== "string") return refuse(name, "must be a string.");
			if (maxLength !== undefined && given.length > maxLength) return refuse(name, `must not be greater than ${maxLength} characters.`);
			return given;
		},
		integer: (name, range) => numeric(name, "an integer", range),
		number: (name, range) => numeric(name, "a number", range),
	};
}

/** Forms carry numbers as text, so text that spells one is one. */
function toNumber(given: unknown): number | null {
	if (typeof given === "number") return Number.isFinite(given) ? given : null;
	if (typeof given !== "string" || !/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(given)) return null;
	const value = Number(given);
	return Number.isFinite(value) ? value : null;
}
