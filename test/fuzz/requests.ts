import fc from "fast-check";
import type { Operation, Schema, Service } from "./document.ts";
import { type Form, form, formParts } from "./forms.ts";
import { anything, bytes, change, type Spoil, spoil, text } from "./hostile.ts";
import { idWish, kindOf, valuesOf } from "./schema.ts";
import { changed, fields, type IdWish, type Tree } from "./tree.ts";

/** Whoever asks; `of` is an app of the stage, and another's ids are of the others. */
export const CALLERS = ["operator", "default read", "a admin", "a submit", "a read", "b admin", "b submit", "b read", "b import"] as const;
export const STRANGERS = ["nobody", "a wrong key", "not a key", "revoked"] as const;
export type CallerName = (typeof CALLERS)[number] | (typeof STRANGERS)[number];

/** A word of a URL: as it is, an id, or the cursor of a page behind an id, changed in one place where `spoil` says so. */
export type Word = { text: string } | { id: IdWish } | { cursor: IdWish; spoil: Spoil } | { link: "exp" | "sig"; of: IdWish; spoil: Spoil };
export type Body = { tree: Tree; spoil: Spoil } | { bytes: Uint8Array } | { form: Form };

export interface RequestWish {
	do: "request";
	method: string;
	/** With `{names}`, which `params` fills. */
	path: string;
	params: Record<string, Word>;
	query: [name: string, value: Word][];
	headers: [name: string, value: string][];
	caller: CallerName;
	body: Body | null;
	contentType: string | null;
	/** Asked a second time with ids of nobody in place of another's: nobody may tell the two apart. */
	twin: boolean;
}

const words = text.map((one): Word => ({ text: one }));
const weighted = <T>(...of: [weight: number, arbitrary: fc.Arbitrary<T>][]) =>
	fc.oneof(...of.map(([weight, arbitrary]) => ({ weight, arbitrary })));
const rarely = <T>(one: fc.Arbitrary<T>, others: number): fc.Arbitrary<T[]> =>
	weighted([others, fc.constant([])], [1, one.map((it) => [it])]);

const TYPES = [
	"text/plain",
	"application/json; charset=utf-16",
	"application/jsonp",
	"APPLICATION/JSON",
	"multipart/form-data",
	"",
	"a/b, application/json",
];
const HEADERS: [string, string][] = [
	...["bytes=0-", "bytes=-1", "bytes=5-2", "bytes=0-0,2-3", "bytes=99999999999999999999-", "lines=1"].map((range): [string, string] => [
		"range",
		range,
	]),
	...["*", '"a"', "W/", "\u00e9".repeat(200)].flatMap((tag): [string, string][] => [
		["if-none-match", tag],
		["if-range", tag],
	]),
	...["-1", "abc", "1e9", "99999999999", "0"].map((length): [string, string] => ["content-length", length]),
	...([
		["transfer-encoding", "chunked"],
		["content-encoding", "gzip"],
		["expect", "100-continue"],
		["x-api-key", "other"],
		["x-http-method-override", "DELETE"],
	] as [string, string][]),
	...([
		["x-forwarded-host", "evil.example"],
		["host", "evil.example"],
		["accept", "text/html"],
		["origin", "null"],
		["cookie", "a=b"],
		["te", "trailers"],
	] as [string, string][]),
];
const KEYS = ["k-1", "k-2", "k-3", "seeded", "x".repeat(255)];

export interface Mix {
	/** How many of ten requests are as a client means them. */
	sane: number;
	foreign: number;
	callers: readonly CallerName[];
	twin: boolean;
}
const ADMINS: CallerName[] = ["operator", "a admin", "b admin"];
export const WILD: Mix = { sane: 8, foreign: 2, callers: [...CALLERS, ...ADMINS, ...ADMINS, ...ADMINS], twin: false };
export const TENANTS: Mix = { sane: 9, foreign: 12, callers: ["b admin", "b submit", "b read", "b import", "a submit"], twin: true };

/** Requests to any route of the service, each as its description allows it, or not at all. */
export function requests(service: Service, mix: Mix): fc.Arbitrary<RequestWish> {
	const to = service.operations
		.filter(({ path }) => !path.startsWith("/hooks/"))
		.map((operation) => {
			const weight = operation.name === "POST /v1/jobs" ? 8 : Object.keys(operation.bodies).length > 0 ? 3 : 2;
			return {
				weight: operation.path.startsWith("/v1/") || operation.path.startsWith("/results") ? weight : 1,
				arbitrary: toOperation(service, operation, mix),
			};
		});
	return fc.oneof(...to, { weight: 2, arbitrary: stray(service, mix) });
}

function toOperation(service: Service, operation: Operation, mix: Mix): fc.Arbitrary<RequestWish> {
	const { method, path, parameters, bodies } = operation;
	const names = parameters.filter((one) => one.in === "path").map(({ name }) => name);
	const params = fc.record(Object.fromEntries(names.map((name) => [name, paramOf(path, name, mix)])));
	return fc
		.record({
			method: weighted([30, fc.constant(method)], [1, fc.constantFrom("HEAD", "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")]),
			params,
			query: queryOf(operation, mix),
			headers: headersOf(operation, mix),
			caller: weighted<CallerName>([20, fc.constantFrom(...mix.callers)], [1, fc.constantFrom(...STRANGERS)]),
			body:
				Object.keys(bodies).length > 0
					? bodyOf(service, operation, mix)
					: rarely(
							bytes.map((one): Body => ({ bytes: one })),
							20,
						).map(([one]) => one ?? null),
			contentType: weighted<string | null>([mix.sane * 4, fc.constant(null)], [1, fc.constantFrom(...TYPES)]),
		})
		.map((rest) => ({ do: "request", path, twin: mix.twin, ...rest }));
}

function paramOf(path: string, name: string, mix: Mix): fc.Arbitrary<Word> {
	const kind = kindOf(path, name);
	return kind === null ? words : weighted<Word>([mix.sane * 2, idWish(kind, mix.foreign).map((id) => ({ id }))], [1, words]);
}

function queryOf({ path, parameters }: Operation, mix: Mix): fc.Arbitrary<RequestWish["query"]> {
	const known = parameters
		.filter((one) => one.in === "query")
		.map(({ name, schema }) => fc.tuple(fc.constant(name), wordOf(path, name, schema, mix)));
	const others = path.startsWith("/results") ? 0 : 3; // a link is nothing without them
	const some = known.map((one) => rarely(one, others));
	const doubled = known.length > 0 ? rarely(fc.oneof(...known), 12) : fc.constant([]);
	const odd = rarely(fc.tuple(text, words), 25);
	return fc.tuple(fc.tuple(...some), doubled, odd).map(([own, twice, more]) => [...own.flat(), ...twice, ...more]);
}

function wordOf(path: string, name: string, schema: Schema, mix: Mix): fc.Arbitrary<Word> {
	const sane = (arbitrary: fc.Arbitrary<Word>) => weighted<Word>([mix.sane, arbitrary], [1, words]);
	const kind = kindOf(path, name);
	if (kind !== null) return sane(idWish(kind, mix.foreign).map((id) => ({ id })));
	if (name === "cursor") return sane(fc.record({ cursor: idWish(listed(path), mix.foreign), spoil }));
	if (name === "exp" || name === "sig") return fc.record({ link: fc.constant(name), of: idWish("job", 4), spoil });
	if (schema.enum !== undefined) return sane(fc.constantFrom(...schema.enum).map((one) => ({ text: String(one) })));
	if (schema.type === "integer")
		return sane(fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 100 }).map((n) => ({ text: String(n) })));
	if (schema.format === "date-time")
		return sane(fc.constantFrom("2026-01-15T10:30:46Z", "2026-01-15", "2026-01-15T10:30:45.500+02:00").map((one) => ({ text: one })));
	return words;
}
const listed = (path: string) => (path.endsWith("/recoveries") ? "rec" : (kindOf(`${path}/{id}`, "id") ?? "job"));

function headersOf({ name }: Operation, mix: Mix): fc.Arbitrary<RequestWish["headers"]> {
	const key = weighted([mix.sane, fc.constantFrom(...KEYS)], [1, fc.constantFrom("", " ", "a b", "é", "x".repeat(256), "__proto__")]);
	const keyed =
		name === "POST /v1/jobs"
			? rarely(
					key.map((one): [string, string] => ["idempotency-key", one]),
					2,
				)
			: fc.constant([]);
	const odd = rarely(fc.constantFrom(...HEADERS), name.includes("result") ? 1 : 3 * mix.sane);
	return fc.tuple(keyed, odd).map(([a, b]) => [...a, ...b]);
}

function bodyOf(service: Service, { path, bodies }: Operation, mix: Mix): fc.Arbitrary<Body | null> {
	const schema = bodies["application/json"];
	const sane = schema === undefined ? anything : valuesOf(service, schema);
	const broken = fc.tuple(sane, fc.nat(200), change).map(([tree, at, how]) => changed(tree, at, how));
	const tree = weighted([mix.sane, sane], [3, broken], [1, anything]);
	const kinds: [number, fc.Arbitrary<Body | null>][] = [];
	if (schema !== undefined)
		kinds.push([20, fc.record({ tree, spoil: weighted([4, fc.constant({ how: "not" as const, at: 0 })], [1, spoil]) })]);
	if (bodies["multipart/form-data"] !== undefined)
		kinds.push([schema === undefined ? 20 : 4, form(formParts(path, tree)).map((one) => ({ form: one }))]);
	const usual = weighted<Body | null>(...kinds, [1, bytes.map((one) => ({ bytes: one }))], [1, fc.constant(null)]);
	return weighted<Body | null>([300, usual], [1, huge]);
}
/** Around the most that a body may have. */
const huge = fc.constantFrom(2_097_153, 2_097_152, 1_000_000).map((size): Body => {
	const tree = fields({ metadata: { written: `"${"m".repeat(size)}"` } });
	return { tree, spoil: { how: "not", at: 0 } };
});

/** Paths and methods that are no route, or nearly. */
function stray(service: Service, mix: Mix): fc.Arbitrary<RequestWish> {
	const near = fc.tuple(
		fc.constantFrom(...service.operations.map(({ path }) => path.replaceAll(/\{\w+\}/g, "x"))),
		fc.constantFrom("/", "/..", "//", "/x", "%00", "%2f", "?", "%E0%A4%A", ";a=b"),
	);
	const path = fc.oneof(
		near.map(([one, more]) => one + more),
		text.map((one) => `/v1/${encodeURIComponent(one.toWellFormed())}`),
		fc.constantFrom("/", "//", "/v1", "/v2/jobs", "/V1/JOBS", "/openapi.json", "/.env"),
	);
	return fc.record({
		...{
			do: fc.constant("request" as const),
			params: fc.constant({}),
			query: fc.constant([]),
			headers: fc.constant([]),
			twin: fc.constant(false),
		},
		...{
			method: fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"),
			path,
			contentType: fc.constant("application/json"),
		},
		caller: fc.constantFrom<CallerName>(...mix.callers, ...STRANGERS),
		body: fc.constantFrom<Body | null>(null, { tree: { fields: [] }, spoil: { how: "not", at: 0 } }),
	});
}
