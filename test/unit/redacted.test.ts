import { PassThrough } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withoutSecrets } from "../../src/core/redacted.ts";
import { createLog } from "../../src/node/log.ts";

const SECRET = `q"<&>'\\+/ =%end-of-it`;
const json = (text: string) => JSON.stringify(text).slice(1, -1);
const html = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
const form = (text: string) => new URLSearchParams({ a: text }).toString().slice(2);
const SPELLINGS: Record<string, (text: string) => string> = {
	"as it is": (text) => text,
	JSON: json,
	"JSON in JSON": (text) => json(json(text)),
	"JSON of PHP": (text) => json(text).replaceAll("/", "\\/"),
	"JSON of Go": (text) => json(text).replaceAll(/[<>&]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`),
	HTML: html,
	"HTML with numbers": (text) => text.replaceAll(/[^\w]/g, (sign) => `&#${sign.charCodeAt(0).toString().padStart(3, "0")};`),
	"HTML with hex": (text) => text.replaceAll(/[^\w]/g, (sign) => `&#x${sign.charCodeAt(0).toString(16)};`),
	"JSON in HTML": (text) => html(json(text)),
	"a part of a URL": encodeURIComponent,
	"a form": form,
	"a form in a URL": (text) => encodeURIComponent(form(text)),
	"JSON in a form": (text) => form(json(text)),
};

describe("a text that somebody wrote who knows a secret", () => {
	it.each(Object.entries(SPELLINGS))("is kept without it: %s", (_, spell) => {
		expect(withoutSecrets(`before ${spell(SECRET)} after`, [SECRET])).toBe("before [redacted] after");
		expect(withoutSecrets(spell(SECRET), [SECRET])).toBe("[redacted]");
	});

	it("is kept without it whatever it consists of, and is else as it was", () => {
		const secrets = fc.string({ minLength: 8, maxLength: 60, unit: "grapheme-ascii" }).filter((text) => {
			const ownEscapes = /%[0-9a-f]{2}|&(#|amp|lt|gt|quot|apos)|\\u00/i; // spelled once more they are others
			return /[A-Za-z0-9]{4}/.test(text) && !ownEscapes.test(text);
		});
		const spelling = fc.constantFrom(...Object.keys(SPELLINGS));
		fc.assert(
			fc.property(secrets, spelling, (secret, name) => {
				const spelled = SPELLINGS[name]!(secret);
				const clean = withoutSecrets(`~~~~${spelled}~~~~`, [secret]);
				expect(clean).toContain("[redacted]");
				expect(clean.startsWith("~~~~") && clean.endsWith("~~~~")).toBe(true);
			}),
			{ numRuns: 500 },
		);
	});

	it.each([
		["the token of a Bearer header", "Bearer abcdefgh12345678", "got abcdefgh12345678", "got [redacted]"],
		["a signature without its version", "v1,c2lnbmF0dXJlLg== v1,b3RoZXItb25l", "c2lnbmF0dXJlLg== b3RoZXItb25l", "[redacted]== [redacted]"],
		["the hex of deAPI's", "sha256=0123456789abcdef", "0123456789abcdef", "[redacted]"],
		["what a provider's key has behind its number", "17|abcdefgh12345678", "abcdefgh12345678", "[redacted]"],
		["a signing key without its prefix", "whsec_c2VjcmV0c2VjcmV0", "c2VjcmV0c2VjcmV0", "[redacted]"],
	])("is kept without %s", (_, secret, text, clean) => expect(withoutSecrets(text, [secret])).toBe(clean));

	it("is JSON as before, where it was, however deep", () => {
		const secrets = [`"begins and ends with signs\\"`, "token-0123456789"];
		let value: unknown = { a: `${secrets[0]}${secrets[1]}\n${secrets[1]}`, b: [secrets[1], "\\", `\\${secrets[0]}"`] };
		for (let depth = 0; depth < 3; depth++) {
			const text = JSON.stringify(value);
			const clean = withoutSecrets(text, secrets);
			expect(() => JSON.parse(clean)).not.toThrow();
			expect(clean).not.toMatch(/token-|begins/);
			value = { inside: text, secrets };
		}
	});

	it("is kept without any of several, overlapping ones and copies", () => {
		const clean = withoutSecrets("1 abcdefghijkl 2 ghijklmnop 3 abcdefghijklmnop 4", ["abcdefghijkl", "ghijklmnop", "", "short"]);
		expect(clean).toBe("1 [redacted] 2 [redacted] 3 [redacted] 4");
	});

	it("stays as it is where it holds none, and where a value is too short to be one", () => {
		const text = 'a%20b &amp; \\"c\\" + d\\u003c';
		expect(withoutSecrets(text, ["Bearer abcdefgh", "whsec_something"])).toBe(text);
		expect(withoutSecrets("yes 1234567 yes", ["yes", "1234567"])).toBe("yes 1234567 yes");
		expect(withoutSecrets("", ["abcdefgh"])).toBe("");
	});

	it.each(Object.entries(SPELLINGS))("may be cut off anywhere in the middle of one: %s", (_, spell) => {
		const spelled = spell("abcd\"<efgh'/ijkl");
		for (let length = 0; length < spelled.length; length++) {
			const clean = withoutSecrets(`before ${spelled.slice(0, length)}`, ["abcd\"<efgh'/ijkl"], { cut: true });
			expect(clean, String(length)).toMatch(/^before (a?b?c?|\[redacted\])$/);
		}
	});

	it.each([
		["a word that nearly repeats itself", ["a".repeat(2048), "b", "a".repeat(2047)].join(""), "a".repeat(16_384)],
		["one that is nearly there", `${"a".repeat(4095)}b`, `${"a".repeat(12_288)}!${"a".repeat(4094)}b`],
		[
			"many that begin alike",
			Array.from({ length: 450 }, (_, i) => `aaaaa${i.toString(36).padStart(3, "b")}`).join(" "),
			"a".repeat(16_384),
		],
		["many lengths of one sign", Array.from({ length: 80 }, (_, i) => "!".repeat(8 + i)).join(" "), "!".repeat(16_384)],
	])("costs no more than its length where an endpoint's header field is made for the answer: %s", (_, field, text) => {
		const secrets = [field, field.replaceAll("b", "c"), `v1,${"A".repeat(43)}=`];
		const times = Array.from({ length: 8 }, () => {
			const startedAt = performance.now();
			withoutSecrets(text, secrets, { cut: true });
			return performance.now() - startedAt;
		});
		expect(Math.min(...times)).toBeLessThan(12);
	});

	it("costs no more than its length, whatever it and the secret consist of", () => {
		const [secret, text] = ["\\".repeat(4000), `${"\\".repeat(500_000)}&#0${"0".repeat(200_000)}${"%25".repeat(100_000)}x`];
		const startedAt = performance.now();
		withoutSecrets(text, [`${secret}abcdefgh`, `a%${"%25".repeat(1000)}bcdefgh`], { cut: true });
		withoutSecrets(`${text}abcdefgh`, [`${secret}abcdefgh`], { cut: true });
		expect(performance.now() - startedAt).toBeLessThan(1000);
	});
});

describe("a log line", () => {
	function lineOf(fields: object): Record<string, unknown> {
		const stream = new PassThrough();
		createLog("info", stream).error(fields, "it.broke");
		return JSON.parse(String(stream.read()));
	}

	it("has of an error what it says and where it was thrown, of its causes too, and nothing that hangs on it", () => {
		const cause = Object.assign(new Error("inner"), { detail: "Failing row contains (hunter2)." });
		const err = Object.assign(new TypeError("outer", { cause }), { code: "23514", input: "https://a/?t=hunter2", parameters: ["hunter2"] });
		const line = lineOf({ err });
		expect(line["err"]).toEqual({
			type: "TypeError",
			message: "outer: inner",
			code: "23514",
			stack: expect.stringContaining("redacted.test.ts"),
		});
		expect(JSON.stringify(line)).not.toContain("hunter2");
	});

	it("hides what is named like a secret", () => {
		expect(lineOf({ key: "hunter2", of: { secret: "hunter2", id: 1 } })).toMatchObject({
			key: "[redacted]",
			of: { secret: "[redacted]", id: 1 },
		});
	});
});
