import { describe, expect, it } from "vitest";
import { AddressGuard } from "../../src/core/address/guard.ts";
import { literalOf } from "../../src/core/address/literal.ts";
import { DEFAULT_RULES, OWN_URL, vectorsAt } from "../support/addresses/vectors.ts";

const CLASSES = [
	...["private", "loopback", "link-local", "cgnat", "benchmark", "documentation", "multicast", "broadcast", "reserved", "metadata"],
	...["mapped", "compatible", "nat64", "nat64-local", "6to4", "teredo", "orchid", "ula", "site-local", "srv6", "discard"],
	...["form", "credentials", "port", "scheme", "own-host", "special-name", "resolved"],
];
const vectors = vectorsAt(8443);
const guard = new AddressGuard(DEFAULT_RULES, OWN_URL);
const open = new AddressGuard({ ...DEFAULT_RULES, callbackAllow: ["0.0.0.0/0", "::/0"] }, OWN_URL);

describe("the address vectors", () => {
	it("are 120 that are refused at least, of every class, and 25 that are not", () => {
		const through = vectors.filter(({ fate }) => fate === "through");
		expect(through.length).toBeGreaterThanOrEqual(25);
		expect(vectors.length - through.length).toBeGreaterThanOrEqual(120);
		expect(new Set(vectors.map(({ url }) => url)).size).toBe(vectors.length);
		for (const wanted of CLASSES)
			expect(
				vectors.filter((vector) => vector.class === wanted && vector.fate !== "through"),
				wanted,
			).not.toEqual([]);
	});

	it.each(vectors.map((vector) => [vector.url, vector.why, vector.fate] as const))("%j (%s) is %s", (url, _, fate) => {
		const objection = guard.objection(url);
		if (fate === "refused") expect(objection).toMatch(/^must /);
		else expect(objection).toBeNull();
	});

	it("are not taken over plain http either", () => {
		const plain = vectors.map(({ url }) => url.replace(/^https:/i, "http:")).filter((url) => url.startsWith("http:"));
		for (const url of plain) expect(guard.objection(url), url).toMatch(/^must /);
	});

	it("are addresses that are no more public when they come out of a name server", () => {
		const literals = vectors.filter(({ host, url }) => host !== null && URL.canParse(url) && literalOf(new URL(url).hostname) !== null);
		expect(literals.length).toBeGreaterThan(100);
		for (const { url, fate, class: of } of literals) {
			if (of === "port") continue;
			expect(guard.judge(literalOf(new URL(url).hostname)!), url).toBe(fate === "through" ? "public" : "refused");
		}
	});

	it("of metadata stay refused where everything is listed, as does what is denied, translated, too", () => {
		const metadata = vectors.filter(({ class: of, host }) => of === "metadata" && host !== null);
		for (const { url } of metadata) expect(open.objection(url), url).toMatch(/^must not point/);
		const denying = new AddressGuard({ ...DEFAULT_RULES, callbackAllow: ["::/0"], callbackDeny: ["10.0.0.0/8"] });
		for (const address of ["64:ff9b::10.0.0.1", "2002:a00:1::1", "::ffff:0:10.0.0.1"])
			expect(denying.judge(address), address).toBe("refused");
		for (const address of ["64:ff9b::11.0.0.1", "2002:b00:1::1", "::ffff:0:11.0.0.1"])
			expect(denying.judge(address), address).toBe("listed");
	});
});
