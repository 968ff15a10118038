import { describe, expect, it } from "vitest";
import { Secretbox } from "../../src/core/secretbox.ts";

const key = (fill: number) => new Uint8Array(32).fill(fill);
const box = new Secretbox([key(1)]);
const place = { table: "endpoints", column: "secret", row: "ep_1", app: "app_1" };
const PLAIN = "whsec_äöü🧀";

describe("a sealed secret", () => {
	it("opens where it was sealed", () => {
		for (const plain of [PLAIN, "", "x".repeat(10_000)]) expect(box.open(box.seal(plain, place), place)).toBe(plain);
	});

	it("does not read as what it holds, and reads differently each time", () => {
		const sealed = box.seal(PLAIN, place);
		expect(sealed).toMatch(/^v1\.[0-9a-f]{8}\.[\w-]{16}\.[\w-]+$/);
		expect(sealed).not.toContain("whsec_");
		expect(box.seal(PLAIN, place)).not.toBe(sealed);
	});

	it.each([
		["row", { ...place, row: "ep_2" }],
		["column", { ...place, column: "secret2" }],
		["table", { ...place, table: "apps" }],
		["app", { ...place, app: "app_2" }],
		["place that only reads alike", { ...place, table: "endpoints.secret", column: "" }],
	])("does not open in another %s", (_, elsewhere) => {
		expect(() => box.open(box.seal(PLAIN, place), elsewhere)).toThrow();
	});

	it("does not open when a single character of nonce or ciphertext was changed", () => {
		const sealed = box.seal("short", place);
		const from = sealed.indexOf(".", 3) + 1;
		for (let i = from; i < sealed.length; i++) {
			if (sealed[i] === ".") continue;
			const last = sealed[i + 1] === "." || i === sealed.length - 1; // its low bits may be padding
			const other = sealed[i] === (last ? "w" : "A") ? "g" : last ? "w" : "A";
			expect(() => box.open(sealed.slice(0, i) + other + sealed.slice(i + 1), place), `at ${i}`).toThrow();
		}
	});

	it("does not open when its tag was cut short, which the cipher by itself would accept", () => {
		const [version, id, nonce, body] = box.seal("", place).split(".") as [string, string, string, string];
		for (const bytes of [4, 8, 12, 15]) {
			const cut = Buffer.from(body, "base64url").subarray(0, bytes).toString("base64url");
			expect(() => box.open([version, id, nonce, cut].join("."), place), `${bytes} bytes`).toThrow();
		}
	});

	it("that was opened at its place opens at no other one, however many were opened since", () => {
		const sealed = box.seal(PLAIN, place);
		for (let i = 0; i < 1100; i++) {
			expect(box.open(sealed, place)).toBe(PLAIN);
			expect(() => box.open(sealed, { ...place, row: `other_${i}` })).toThrow();
			const own = { ...place, app: `app_${i}` };
			expect(box.open(box.seal(`secret ${i}`, own), own)).toBe(`secret ${i}`);
		}
	});

	it.each(["", "v1", "v1...", "plain text", "v2.00000000.AAAA.AAAA"])("is not %j", (text) => expect(() => box.open(text, place)).toThrow());
});

describe("master keys", () => {
	it("in rotation: the first seals, every one opens", () => {
		const before = box.seal(PLAIN, place);
		const rotating = new Secretbox([key(2), key(1)]);
		const after = rotating.seal(PLAIN, place);
		expect(rotating.open(before, place)).toBe(PLAIN);
		expect(rotating.open(after, place)).toBe(PLAIN);
		expect(new Secretbox([key(2)]).open(after, place)).toBe(PLAIN);
		expect(() => box.open(after, place)).toThrow();
	});

	it("that are missing are named by their id, with the place and without the secret", () => {
		const sealed = box.seal(PLAIN, place);
		const id = sealed.split(".")[1];
		expect(() => new Secretbox([key(2)]).open(sealed, place)).toThrow(
			`endpoints.secret was sealed with a master key that is not configured (key id ${id})`,
		);
	});

	it("give each purpose a key of its own, the current one first", () => {
		const two = new Secretbox([key(1), key(2)]);
		const all = [...two.keysFor("hook-token"), ...two.keysFor("result-link")].map((bytes) => bytes.toString("hex"));
		expect(new Set([...all, Buffer.from(key(1)).toString("hex")]).size).toBe(5);
		expect(two.keysFor("hook-token")[0]).toEqual(box.keysFor("hook-token")[0]);
	});

	it("are at least one", () => {
		expect(() => new Secretbox([])).toThrow("no master key");
	});
});
