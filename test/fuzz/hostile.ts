import fc from "fast-check";
import type { Change, Tree } from "./tree.ts";

/** Text that has broken somebody's service before. */
export const TEXTS = [
	...["", " ", "\u0000", "a\u0000b", "\ud800", "x\udfff", "\u{1f600}".repeat(3), "\u202egnp.exe", "\ufeff", "\u2028", "e\u0301", "\u0130"],
	...["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "then", "length", "valueOf"],
	...["NaN", "Infinity", "-0", "1e400", "null", "undefined", "true", "0x10", "１２"],
	...["../../etc/passwd", "..%2f..%2f", "%00", "%", "'; DROP TABLE jobs;--", "' OR '1'='1", "#{7*7}", "{{7*7}}", "<script>", "\r\nX-A: b"],
	...["javascript:alert(1)", "file:///etc/passwd", "http://127.0.0.1/", "http://[::1]/", "http://user:pass@example.com/", "https://"],
	...[
		"http://169.254.169.254/latest/meta-data",
		"http://2130706433/",
		"https://example.com:99999/",
		`https://${"a".repeat(300)}.example.com/`,
	],
	...["0000-00-00T00:00:00Z", "2026-02-30T00:00:00Z", "+275760-09-13T00:00:00.001Z", "9999-12-31T23:59:60Z", "-000001-01-01T00:00:00Z"],
	...["1970-01-01", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999+14:00", "2026-01-15T10:30:45Z"],
];
const LONG = ["a".repeat(256), "a".repeat(4097), "\u{1f600}".repeat(9000), "z".repeat(70_000), "\u0000".repeat(300)];

/** Numbers as they are written; some of them are not JSON. */
const NUMBERS = [
	...["0", "-0", "1", "-1", "0.1", "1e308", "-1e308", "1e400", "5e-324", "2147483648", "4294967296", "9007199254740991"],
	...["9007199254740992", "-9007199254740993", "123456789012345678901234567890", "1E+2", "1.0", "100", "101", "86401"],
	...["NaN", "Infinity", "00", "+1", ".5", "0x10", "1_000"],
];

export const text = fc.oneof(
	{ weight: 8, arbitrary: fc.constantFrom(...TEXTS) },
	{ weight: 1, arbitrary: fc.constantFrom(...LONG) },
	{
		weight: 3,
		arbitrary: fc.array(fc.integer({ min: 0, max: 0x10ffff }), { maxLength: 8 }).map((points) => String.fromCodePoint(...points)),
	},
	{ weight: 1, arbitrary: fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 }).map((units) => String.fromCharCode(...units)) },
);
export const number: fc.Arbitrary<Tree> = fc.oneof(
	fc.constantFrom(...NUMBERS).map((one) => ({ written: one })),
	fc.integer(),
	fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const nested: fc.Arbitrary<Tree> = fc.record({
	nested: fc.constantFrom(2, 32, 33, 1000, 10_000),
	open: fc.constantFrom("[" as const, '{"a":' as const),
});

/** Any JSON at all. */
export const anything = fc.letrec<{ tree: Tree }>((tie) => ({
	tree: fc.oneof(
		{ maxDepth: 3, withCrossShrink: true },
		{ weight: 2, arbitrary: fc.constantFrom<Tree>(null, true, false) },
		{ weight: 4, arbitrary: text },
		{ weight: 4, arbitrary: number },
		{ weight: 1, arbitrary: nested },
		{ weight: 2, arbitrary: fc.array(tie("tree"), { maxLength: 4 }) },
		{ weight: 2, arbitrary: fc.array(fc.tuple(text, tie("tree")), { maxLength: 4 }).map((entries) => ({ fields: entries })) },
	),
})).tree;

export const change: fc.Arbitrary<Change> = fc.oneof(
	{ weight: 5, arbitrary: fc.record({ do: fc.constantFrom("replace", "add", "twice"), with: anything, name: text }) },
	{ weight: 4, arbitrary: fc.record({ do: fc.constantFrom("remove", "null", "list", "longer", "number as text") }) },
) as fc.Arbitrary<Change>;

/** Bytes that may or may not be text. */
export const bytes = fc.oneof(
	fc.uint8Array({ maxLength: 40 }),
	text.map((one) => new Uint8Array(Buffer.from(one))),
	fc.constantFrom("\ufeff{}", "{", "[]", "{}{}", "nul", '"\\ud800"', "\u0000", "-").map((one) => new Uint8Array(Buffer.from(one))),
	fc.constantFrom([0xff, 0xfe, 0x7b, 0, 0x7d, 0], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0x1f, 0x8b, 8, 0]).map((one) => new Uint8Array(one)),
);

/** Where a text is cut, doubled or changed by one bit. */
export interface Spoil {
	how: "not" | "cut" | "bit" | "tail" | "utf-16" | "mark";
	at: number;
}
export const spoil: fc.Arbitrary<Spoil> = fc.record({
	how: fc.oneof(
		{ weight: 30, arbitrary: fc.constant("not" as const) },
		{ weight: 5, arbitrary: fc.constantFrom("cut", "bit", "tail", "utf-16", "mark") },
	),
	at: fc.nat(1_000_000),
});
export function spoilt(bytes: Uint8Array, { how, at }: Spoil): Uint8Array<ArrayBuffer> {
	const place = at % Math.max(1, bytes.length);
	const copy = new Uint8Array(bytes);
	switch (how) {
		case "not":
			return copy;
		case "cut":
			return copy.slice(0, place);
		case "bit":
			if (copy.length > 0) copy[place]! ^= 1 << (at % 8);
			return copy;
		case "tail":
			return new Uint8Array([...copy, ...copy.subarray(place)]);
		case "utf-16":
			return new Uint8Array(Buffer.from(Buffer.from(copy).toString(), "utf16le"));
		case "mark":
			return new Uint8Array([0xef, 0xbb, 0xbf, ...copy]);
	}
}
