import type { Problem } from "./errors.ts";

/** What a client token is asked to be. */
export interface TokenRequest {
	/** Seconds. */
	expiresIn: number;
	models: string[] | null;
	origins: string[] | null;
	constraints: Record<string, unknown> | null;
}

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);

/** Reads the body as pydantic does. Undefined = not JSON; no body and null are `{}`. */
export function readTokenRequest(body: unknown): TokenRequest | Problem[] {
	if (body === undefined) {
		return [{ type: "json_invalid", loc: ["body", 0], msg: "JSON decode error", input: {}, ctx: { error: "Expecting value" } }];
	}
	const problems: Problem[] = [];
	const fail = (loc: (string | number)[], type: string, msg: string, input: unknown, ctx?: Json): null => {
		problems.push({ type, loc: ["body", ...loc], msg, input, ...(ctx === undefined ? {} : { ctx }) });
		return null;
	};
	function object(value: unknown, ...loc: string[]): Json | null {
		if (value === undefined || value === null || isObject(value)) return value ?? null;
		return fail(loc, "model_attributes_type", "Input should be a valid dictionary or object to extract fields from", value);
	}
	function integer(value: unknown, min: number, max: number, ...loc: string[]): number | null {
		if (value === undefined || value === null) return null;
		if (!Number.isInteger(value)) return fail(loc, "int_type", "Input should be a valid integer", value);
		const number = value as number;
		if (number < min) return fail(loc, "greater_than_equal", `Input should be greater than or equal to ${min}`, value, { ge: min });
		if (number > max) return fail(loc, "less_than_equal", `Input should be less than or equal to ${max}`, value, { le: max });
		return number;
	}
	function texts(value: unknown, name: string, refuse: (text: string) => string | null): string[] | null {
		if (value === undefined || value === null) return null;
		if (!Array.isArray(value)) return fail([name], "list_type", "Input should be a valid list", value);
		const size = value.length;
		if (size > most) {
			const msg = `List should have at most ${most} items after validation, not ${size}`;
			return fail([name], "too_long", msg, value, { field_type: "List", max_length: most, actual_length: size });
		}
		value.forEach((item: unknown, i) => {
			const problem = typeof item === "string" ? refuse(item) : "";
			if (problem === "") fail([name, i], "string_type", "Input should be a valid string", item);
			else if (problem !== null) fail([name, i], "value_error", `Value error, ${problem}`, item);
		});
		return value as string[];
	}

	const given = object(body) ?? {};
	const expiresIn = integer(given["expiresIn"], 1, 3600, "expiresIn") ?? 60;
	const models = texts(given["allowedModels"], "allowedModels", () => null);
	const origins = texts(given["allowedOrigins"], "allowedOrigins", (text) => (isOrigin(text) ? null : "not an origin"));
	const constraints = object(given["constraints"], "constraints");
	const realtime = object(constraints?.["realtime"], "constraints", "realtime");
	integer(realtime?.["maxSessionDuration"], 1, 86_400, "constraints", "realtime", "maxSessionDuration");
	object(given["metadata"], "metadata");
	return problems.length > 0 ? problems : { expiresIn, models, origins, constraints };
}

/** Models, and origins, of one token. */
const most = 20;

/** `https://host[:port]` and nothing behind it. */
const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text;
