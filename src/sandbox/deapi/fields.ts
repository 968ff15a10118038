import type { Fields } from "../form.ts";
import { catalogue } from "./catalogue.ts";
import { type InferenceType, type Model, type Ranged, titles } from "./model.ts";
import { createRules, type Range, type Rules } from "./rules.ts";

/** What a request is read against. */
export interface Check {
	fields: Fields;
	rules: Rules;
	/** What the model has to do. */
	type: InferenceType;
	/** Null = none was named, or none that does this. */
	model: Model | null;
	/** Ask for everything the documentation requires; otherwise what some official client leaves out comes from the model. */
	strict: boolean;
	/** Prices are quoted also for what the model would not take, as clients of deAPI rely on. */
	limited: boolean;
}

/** Null = absent, or refused and then in `rules.errors`. */
export type Reader<T> = (name: string, check: Check, required: boolean) => T | null;
export type Field<T> = (name: string, check: Check) => T;
/** Field by field, in the order in which they are checked. */
export type Table = Record<string, Field<unknown>>;
export type Values<F extends Table> = { [K in keyof F]: ReturnType<F[K]> };

/** Meaningful only when `rules.errors` stayed empty. */
export function readTable<F extends Table>(table: F, check: Check): Values<F> {
	return Object.fromEntries(Object.entries(table).map(([name, read]) => [name, read(name, check)])) as Values<F>;
}

/** The cast holds because a request with errors is never used. */
export const always = <T>(read: Reader<T>): Field<T> => {
	return (name, check) => read(name, check, true) as T;
};
export const inStrict = <T>(read: Reader<T>): Field<T | null> => {
	return (name, check) => read(name, check, check.strict);
};
export const optional = <T>(read: Reader<T>): Field<T | null> => {
	return (name, check) => read(name, check, false);
};
/** Required in strict; otherwise the model's default of the same name, then `last`. */
export const orDefault = (read: Reader<number>, last: number): Field<number> => {
	return (name, check) => read(name, check, check.strict) ?? check.model?.info.defaults[name as Ranged] ?? last;
};
/** Required as soon as `mode` says so, given or by default. */
export const whenMode = <T>(mode: string, read: Reader<T>): Field<T | null> => {
	return (name, check) => {
		const missing = check.fields["mode"] === mode && check.rules.given(name) === null;
		return missing ? check.rules.refuse(name, `is required when mode is ${mode}.`) : read(name, check, false);
	};
};

type Bounds = Range & { /** Which `min_…` and `max_…` of the model come first; default: those of the field's name. */ of?: Ranged };

function bounds(name: string, { of, ...range }: Bounds, check: Check): Range {
	const limits = check.limited ? check.model?.info.limits : undefined;
	const ranged = of ?? (name as Ranged);
	return { ...range, min: limits?.[`min_${ranged}`] ?? range.min, max: limits?.[`max_${ranged}`] ?? range.max };
}

export const text = (length: Bounds = {}): Reader<string> => {
	return (name, check, required) => check.rules.text(name, required, bounds(name, length, check));
};
export const integer = (range: Bounds = {}): Reader<number> => {
	return (name, check, required) => check.rules.integer(name, required, bounds(name, range, check));
};
export const number = (range: Bounds = {}): Reader<number> => {
	return (name, check, required) => check.rules.number(name, required, bounds(name, range, check));
};
export const boolean: Reader<boolean> = (name, check, required) => check.rules.boolean(name, required);

/** Pixels. Whether the live service refuses sizes off the model's grid is not known, so only strict does. */
export const side: Reader<number> = (name, check, required) => {
	const multipleOf = check.strict && check.limited ? check.model?.info.limits.resolution_step : undefined;
	return integer({ min: 1, multipleOf })(name, check, required);
};

export const oneOf = (values: readonly string[], inStrictOnly = values): Reader<string> => {
	return (name, check, required) => {
		const value = check.rules.text(name, required);
		if (value === null) return null;
		return (check.strict ? inStrictOnly : values).includes(value) ? value : check.rules.refuseChoice(name);
	};
};

export const model: Reader<Model> = (name, check, required) => {
	const slug = check.rules.text(name, required);
	if (slug === null || check.model !== null) return check.model;
	const exists = catalogue.some((candidate) => candidate.slug === slug);
	return check.rules.fail(name, exists ? doesNot(check.type) : "The selected model does not exist.");
};
const doesNot = (type: InferenceType): string => `The selected model does not support ${titles[type]}.`;

export function findModel(slug: unknown, type: InferenceType): Model | null {
	return catalogue.find((candidate) => candidate.slug === slug && candidate.inference_types.includes(type)) ?? null;
}

/** An upload. What is in it is not looked at. */
export const file = (maxMegabytes: number): Reader<File> => {
	return (name, { rules }, required) => {
		const given = rules.given(name);
		if (given === null) return required ? rules.refuse(name, "is required.") : null;
		if (!(given instanceof File)) return rules.refuse(name, "must be a file.");
		const kilobytes = maxMegabytes * 1024;
		return given.size > kilobytes * 1024 ? rules.refuse(name, `must not be greater than ${kilobytes} kilobytes.`) : given;
	};
};

/** Exactly one of this field and `others`. The texts are Laravel's own. */
export const oneAmong = <T>(others: readonly string[], read: Reader<T>): Field<T | null> => {
	return (name, check) => {
		const { rules } = check;
		const [first, ...more] = [name, ...others].filter((one) => rules.given(one) !== null);
		if (first !== undefined && more.length === 0) return read(name, check, false);
		if (first !== undefined) return rules.refuse(first, `prohibits ${inWords(more)} from being present.`);
		const without = others.length === 1 ? `${inWords(others)} is not present.` : `none of ${inWords(others)} are present.`;
		return rules.refuse(name, `is required when ${without}`);
	};
};
const inWords = (names: readonly string[]): string => names.map((name) => name.replaceAll("_", " ")).join(" / ");

/** Names are not looked up: no model here brings adapters, and a picture of bands would not change. */
export const loras: Reader<unknown[]> = (name, { rules }) => {
	const given = rules.given(name);
	if (given === null) return null;
	if (!Array.isArray(given)) return rules.refuse(name, "must be an array.");
	given.forEach((lora: unknown, i) => {
		const item = createRules(typeof lora === "object" && lora !== null ? { ...lora } : {}, `${name}.${i}.`);
		item.text("name", true);
		item.number("weight", true, { min: 0 });
		for (const [field, texts] of Object.entries(item.errors)) for (const problem of texts) rules.fail(field, problem);
	});
	return given;
};

/** https only, as deAPI; plain http is let through to this machine alone, or an emulator here could not call a laptop. */
export const webhookUrl: Reader<string> = (name, { rules }) => {
	const given = rules.text(name, false, { max: 2048 });
	if (given === null) return null;
	const url = URL.canParse(given) ? new URL(given) : null;
	if (url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname))) return given;
	return rules.refuse(name, "must be a valid URL.");
};
const isLoopback = (host: string): boolean => host === "localhost" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
