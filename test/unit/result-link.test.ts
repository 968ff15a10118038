import { describe, expect, it } from "vitest";
import { isResultLink, resultLink } from "../../src/core/result-link.ts";
import { Secretbox } from "../../src/core/secretbox.ts";

const key = (fill: number) => new Uint8Array(32).fill(fill);
const secrets = new Secretbox([key(1)]);
const JOB = "job_019bc1112222733384445555666677ff";
const NOW = Date.UTC(2026, 0, 15, 10, 30, 45);
const EXPIRES = NOW + 604_800_000;

const parts = (link: string) => {
	const { searchParams } = new URL(link);
	return { exp: searchParams.get("exp") ?? "", sig: searchParams.get("sig") ?? "" };
};
const { exp, sig } = parts(resultLink(secrets, "https://gateway.test", JOB, EXPIRES));
const opens = (over: { box?: Secretbox; job?: string; exp?: string; sig?: string; now?: number } = {}) =>
	isResultLink(over.box ?? secrets, over.job ?? JOB, over.exp ?? exp, over.sig ?? sig, over.now ?? NOW);

describe("a result link", () => {
	it("names job, expiry and signature under the public URL", () => {
		const link = resultLink(secrets, "https://gateway.test/base", JOB, EXPIRES);
		expect(link).toMatch(new RegExp(`^https://gateway\\.test/base/results/${JOB}\\?exp=${EXPIRES / 1000}&sig=[\\w-]{43}$`));
	});

	it("opens until it expires, and not a moment longer", () => {
		expect(opens()).toBe(true);
		expect(opens({ now: EXPIRES })).toBe(true);
		expect(opens({ now: EXPIRES + 1 })).toBe(false);
	});

	it("does not open another job, live longer, or bear a change", () => {
		expect(opens({ job: JOB.replace(/f$/, "e") })).toBe(false);
		expect(opens({ exp: String(EXPIRES / 1000 + 1) })).toBe(false);
		for (let i = 0; i < sig.length - 1; i++)
			expect(opens({ sig: sig.slice(0, i) + (sig[i] === "A" ? "B" : "A") + sig.slice(i + 1) })).toBe(false);
	});

	it.each([
		["no signature", { sig: "" }],
		["a cut signature", { sig: sig.slice(0, -1) }],
		["no expiry", { exp: "" }],
		["an expiry that is no number", { exp: "never" }],
		["an expiry with a sign", { exp: `+${exp}` }],
		["an expiry without end", { exp: "9".repeat(400) }],
	])("does not open with %s", (_, over) => expect(opens(over)).toBe(false));

	it("outlives a rotation of the master key, for as long as the old one is listed", () => {
		expect(opens({ box: new Secretbox([key(2), key(1)]) })).toBe(true);
		expect(opens({ box: new Secretbox([key(2)]) })).toBe(false);
		const after = parts(resultLink(new Secretbox([key(2), key(1)]), "https://gateway.test", JOB, EXPIRES));
		expect(opens({ box: new Secretbox([key(2)]), ...after })).toBe(true);
	});
});
