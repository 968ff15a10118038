import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { sameText } from "../../src/core/signature.ts";

const SRC = path.resolve(import.meta.dirname, "../../src");
/** The last word of what is compared, e.g. `sig` of `query.sig`. */
const SECRET = /(^|[a-z_])(sig|signature|mac|hmac|secret|token|password|apiKey|masterKey)(Hex|Bytes)?$/i;
const LITERAL = /^(null|undefined|true|false|[\d"'`].*)$/;
const SIDE = String.raw`[\w$."'\x60?!()[\]]+`;
const EQUALS = new RegExp(String.raw`(${SIDE})\s*(?:===|!==|==|!=)\s*(${SIDE})`, "g");
const FINDS = /\b(?:Buffer\.compare|\.equals\(|\.localeCompare\()/g;

/** Comparisons that end at the first difference, of something that is named like a secret. */
function hastyIn(text: string): string[] {
	const lastWord = (side: string) =>
		side
			.replaceAll(/[()[\]?!]/g, "")
			.split(".")
			.at(-1) ?? "";
	const equals = [...text.matchAll(EQUALS)].filter(([, left = "", right = ""]) => {
		const [a, b] = [lastWord(left), lastWord(right)];
		const measured = [a, b].some((word) => word === "length" || LITERAL.test(word)) || [left, right].some((side) => /^typeof\b/.test(side));
		return !measured && [a, b].some((word) => SECRET.test(word));
	});
	return [...equals, ...text.matchAll(FINDS)].map(([found]) => found);
}

describe("comparisons of secrets, signatures and tokens", () => {
	it("in src are made in constant time", () => {
		const files = globSync("**/*.ts", { cwd: SRC });
		expect(files.length).toBeGreaterThan(200);
		const hasty = files.flatMap((file) => hastyIn(readFileSync(path.join(SRC, file), "utf8")).map((found) => `${file}: ${found}`));
		expect(hasty).toEqual([]);
	});

	it("are made by a function that says what === says, whatever it is given", () => {
		const texts = ["", "a", "b", "ab", "A", "ä", "ae", "\u0000", "a".repeat(1000)];
		for (const a of texts) for (const b of texts) expect(sameText(a, b)).toBe(a === b);
	});
});

describe("the look for hasty ones", () => {
	it.each([
		"if (signature(key, id) === given.sig) return",
		"return mac(key) == row.mac",
		"deps.secrets.open(sealed, place) === wish.secret",
		"token !== expectedToken",
		"Buffer.compare(a, b)",
		"given.equals(ours)",
		"config.apiKey === key",
	])("finds %s", (text) => expect(hastyIn(text)).toHaveLength(1));

	it.each([
		"token === null",
		"config.apiKey !== undefined",
		"secrets.length === 0",
		'secret === ""',
		"typeof token === 'string'",
		"sameText(mac(key), given)",
		"a.keyId === b.keyId",
		"claimed.laneId !== lane",
	])("leaves %s alone", (text) => expect(hastyIn(text)).toEqual([]));
});
