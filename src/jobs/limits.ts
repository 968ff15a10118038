import type { Detail } from "../errors.ts";
import type { Model, Range } from "../providers/provider.ts";

export interface Wish {
	provider: string;
	type: string;
	model: string;
	input: Record<string, unknown>;
}

/**
 * What a provider's models have against a request, field by field. `complete`: the list is young enough to say also that a
 * model is not there; what it says of those that are there is taken for longer. One that is there for another type is refused.
 */
export function objectionsTo({ provider, type, model: id, input }: Wish, models: readonly Model[], complete: boolean): Detail[] {
	const serving = models.filter(({ types }) => types.includes(type));
	const model = serving.find((one) => one.id === id);
	if (model !== undefined) return Object.entries(model.ranges[type] ?? {}).flatMap(([field, range]) => outside(field, input[field], range));
	const elsewhere = models.some((one) => one.id === id && one.types.length > 0);
	if ((!complete && !elsewhere) || serving.length === 0) return [];
	return [{ field: "model", message: `is not one that ${provider} has for ${type}; it has ${serving.map((one) => one.id).join(", ")}` }];
}

function outside(field: string, value: unknown, { min, max }: Range): Detail[] {
	const isText = typeof value === "string";
	const size = isText ? value.length : value;
	if (typeof size !== "number" || ((min ?? size) <= size && size <= (max ?? size))) return [];
	const must = isText ? "must have" : "must be";
	return [{ field: `input.${field}`, message: `${must} ${inWords(min, max)}${isText ? " characters" : ""}` }];
}

function inWords(min: number | undefined, max: number | undefined): string {
	if (min === undefined) return `at most ${max}`;
	if (max === undefined) return `at least ${min}`;
	return min === max ? `${min}` : `between ${min} and ${max}`;
}
