import { describe, expect, it } from "vitest";
import { hyphenated, newId, nonce, parseId, randomText } from "../../src/core/ids.ts";

const NOW = Date.UTC(2026, 0, 15, 10, 30, 45);
const ID = "job_019bc1112222733384445555666677ff";

describe("an id", () => {
	it("reads as its prefix and a UUIDv7 in 32 hex digits", () => {
		for (const at of [0, NOW, 2 ** 48 - 1]) {
			const id = newId("job", at);
			expect(id).toMatch(/^job_[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/);
			expect(Number.parseInt(id.slice(4, 16), 16)).toBe(at);
		}
	});

	it("sorts by the time it was made", () => {
		const ids = [0, 1, 255, 256, NOW - 1, NOW, NOW + 1, NOW + 86_400_000].map((at) => newId("evt", at));
		for (const [i, id] of ids.slice(1).entries()) expect(id > ids[i]!, id).toBe(true);
	});

	it("is never made twice, even within a millisecond", () => {
		expect(new Set(Array.from({ length: 10_000 }, () => newId("evt", NOW))).size).toBe(10_000);
	});

	it("is spelled with hyphens in deAPI's fields, and both spellings are read back", () => {
		expect(hyphenated(ID)).toBe("019bc111-2222-7333-8444-5555666677ff");
		for (const text of [ID, hyphenated(ID), hyphenated(ID).toUpperCase(), "019bc1112222733384445555666677ff"])
			expect(parseId("job", text)).toBe(ID);
		const made = newId("job", NOW);
		expect(parseId("job", hyphenated(made))).toBe(made);
	});

	it.each(["", "job_", "evt_019bc1112222733384445555666677ff", `${ID}0`, ID.slice(0, -1), ID.replace("0", "g"), " ".repeat(36), `${ID}\n`])(
		"is not %j",
		(text) => expect(parseId("job", text)).toBeNull(),
	);
});

describe("what must not be guessed", () => {
	it("is new each time, and as long as it was asked for", () => {
		expect(nonce()).not.toBe(nonce());
		expect(randomText(24)).toMatch(/^[\w-]{32}$/);
		expect(randomText(24)).not.toBe(randomText(24));
	});
});
