import { describe, expect, it } from "vitest";
import { canonicalJson } from "../../src/core/canonical.ts";

const of = (text: string) => canonicalJson(JSON.parse(text));

describe("canonical JSON", () => {
	it.each([
		["fields in another order", '{"a":1,"b":{"c":2,"d":3}}', '{"b":{"d":3,"c":2},"a":1}'],
		["objects inside arrays", '[{"a":1,"b":2},[{"c":3,"d":4}]]', '[{"b":2,"a":1},[{"d":4,"c":3}]]'],
		["white space", '{"a":[1,2]}', ' { "a" : [ 1 ,\n2 ] } '],
		["another spelling of a number or letter", '{"a":1,"b":"\\u00e4"}', '{"b":"ä","a":1.0}'],
		["keys that look like numbers", '{"10":1,"9":2,"a":3}', '{"a":3,"9":2,"10":1}'],
	])("is the same for %s", (_, one, other) => expect(of(one)).toBe(of(other)));

	it.each([
		["arrays in another order", "[1,2]", "[2,1]"],
		["text and number", '{"a":1}', '{"a":"1"}'],
		["null and absent", '{"a":null}', "{}"],
		["an array and an object", "[]", "{}"],
		["nesting", '{"a":{"b":1}}', '{"a":1,"b":1}'],
		["a key __proto__", '{"__proto__":{"a":1}}', "{}"],
		["what a key __proto__ holds", '{"__proto__":{"a":1}}', '{"__proto__":{"a":2}}'],
		["letters that only look alike", '{"a":"\\u00e4"}', '{"a":"a\\u0308"}'],
	])("tells apart %s", (_, one, other) => expect(of(one)).not.toBe(of(other)));

	it("reads back as what it was made of", () => {
		const text = '{"z":[{"y":null,"x":true}],"a":"ä\\n","__proto__":{"n":-1.5e-7}}';
		expect(JSON.parse(of(text))).toEqual(JSON.parse(text));
		expect(of(text)).toBe('{"__proto__":{"n":-1.5e-7},"a":"ä\\n","z":[{"x":true,"y":null}]}');
		expect(({} as Record<string, unknown>)["n"]).toBeUndefined();
	});
});
