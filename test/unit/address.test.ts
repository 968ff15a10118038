import { describe, expect, it } from "vitest";
import { AddressGuard } from "../../src/core/address/guard.ts";
import { isLoopbackUrl, literalOf } from "../../src/core/address/literal.ts";
import { parseCidr } from "../../src/core/address/ranges.ts";
import { reaching } from "../support/reach.ts";

const open = new AddressGuard(reaching());
const listing = new AddressGuard(reaching(["127.0.0.0/8", "10.1.0.0/16", "192.168.7.7", "fd00:1::/32"]));
const PRIVATE = "must not point at a private, loopback or reserved address (the operator can list it in CALLBACK_ALLOW)";
const NOT_HTTPS = "must be https (http only where CALLBACK_ALLOW lists the address)";

describe("an address", () => {
	it.each([
		...["0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254"],
		...["169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1"],
		...["198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"],
	])("%s is not public", (address) => expect(open.judge(address)).toBe("refused"));

	it.each([
		...["::", "::1", "::7f00:1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1"],
		...["64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "1::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "4000::1"],
		...["5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1"],
	])("%s is not public", (address) => expect(open.judge(address)).toBe("refused"));

	it.each([
		"8.8.8.8",
		"1.1.1.1",
		"172.32.0.1",
		"100.128.0.1",
		"192.167.255.255",
		"2606:4700::1111",
		"2001:4860:4860::8888",
		"::ffff:8.8.8.8",
	])("%s is public", (address) => expect(open.judge(address)).toBe("public"));

	it.each(["", "example.com", "127.0.0.1.", "256.1.1.1", "1.2.3.4.5", "::g", "127.0.0.1/8", " 8.8.8.8"])("%j is none", (text) =>
		expect(open.judge(text)).toBe("refused"),
	);

	it("that the operator lists may be reached, in every spelling, and its neighbours may not", () => {
		for (const address of ["127.0.0.1", "127.9.9.9", "::ffff:127.0.0.1", "10.1.255.1", "192.168.7.7", "fd00:1::5"])
			expect(listing.judge(address)).toBe("listed");
		for (const address of ["10.2.0.1", "192.168.7.8", "::1", "fd00:2::5", "169.254.169.254"])
			expect(listing.judge(address)).toBe("refused");
		expect(listing.judge("8.8.8.8")).toBe("public");
	});
});

describe("a callback URL", () => {
	it.each([
		"https://example.com",
		"https://example.com:8443/hooks?a=1#b",
		"https://EXAMPLE.com./hooks",
		"https://8.8.8.8/hooks",
		"https://[2606:4700::1111]:444/",
		"https://bücher.example/",
		"https://example.com/user@host",
		`https://example.com/${"a".repeat(2048 - 20)}`,
	])("%s is taken", (url) => expect(open.objection(url)).toBeNull());

	it.each([
		...["127.0.0.1", "127.1", "0177.0.0.1", "017700000001", "0x7f.0.0.1", "0x7f000001", "2130706433", "127.0.0.1.", "１２７.0.0.1"],
		...["0", "10.0.0.1", "169.254.169.254", "2852039166", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[fd00::1]"],
		...["[64:ff9b::127.0.0.1]", "localhost", "LOCALHOST", "localhost.", "api.localhost", "printer.local", "db.internal", "intranet"],
		...["kubernetes.default.svc.cluster.local", "metadata.google.internal", "example.com..", "..", "a..b"],
	])("at %s is refused", (host) => expect(open.objection(`https://${host}/hooks`)).toMatch(/^must not (point at|be a private name)/));

	it.each([
		["http://example.com/", NOT_HTTPS],
		["http://8.8.8.8/", NOT_HTTPS],
		["http://127.0.0.1/", PRIVATE],
		["ftp://example.com/", "must be an https URL"],
		["file:///etc/passwd", "must be an https URL"],
		["javascript:alert(1)", "must be an https URL"],
		["data:,x", "must be an https URL"],
		["https://user@example.com/", "must not carry a user name or password"],
		["https://:pass@example.com/", "must not carry a user name or password"],
		["/hooks", "must be an absolute URL, like https://example.com/hook"],
		["//example.com/", "must be an absolute URL, like https://example.com/hook"],
		["example.com/hooks", "must be an absolute URL, like https://example.com/hook"],
		["https://", "must be an absolute URL, like https://example.com/hook"],
		["https://exa mple.com", "must be an absolute URL, like https://example.com/hook"],
		["https://[::1", "must be an absolute URL, like https://example.com/hook"],
		["https://example.com:99999/", "must be an absolute URL, like https://example.com/hook"],
		["", "must be an absolute URL, like https://example.com/hook"],
		[`https://example.com/${"a".repeat(2049 - 20)}`, "must have at most 2048 characters"],
	])("%.60s is refused: it %s", (url, objection) => expect(open.objection(url)).toBe(objection));

	it("may be plain http where the address is listed, and only there", () => {
		for (const url of ["http://127.0.0.1:3000/", "http://2130706433/", "http://10.1.2.3/", "https://127.0.0.1/"])
			expect(listing.objection(url)).toBeNull();
		expect(listing.objection("http://10.2.0.1/")).toBe(PRIVATE);
		expect(listing.objection("http://8.8.8.8/")).toBe(NOT_HTTPS);
		// what a name resolves to is judged by the dialer, at each attempt
		expect(listing.objection("http://receiver.internal/")).toBeNull();
	});
});

describe("a refusal", () => {
	const closing = new AddressGuard({ ...reaching(["127.0.0.0/8", "169.254.0.0/16"]), callbackDeny: ["127.0.0.1/32"] });
	it.each([
		[open, "127.0.0.1", /CALLBACK_ALLOW\)$/],
		[open, "localhost", /^must not be a private name/],
		[open, "nodot", /^must not be a private name/],
		[open, "169.254.169.254", /cloud metadata/],
		[closing, "169.254.169.254", /cloud metadata/],
		[closing, "127.0.0.1", /CALLBACK_DENY/],
		[closing, "[::ffff:127.0.0.1]", /CALLBACK_DENY/],
		[closing, "10.0.0.1", /CALLBACK_ALLOW\)$/],
	])("%# says what it is about: %s", (guard, host, words) => expect(guard.objection(`https://${host}/`)).toMatch(words));
});

describe("an operator's list", () => {
	it.each(["127.0.0.0/8", "10.1.2.3", "::1", "fd00::/8"])("reads %s", (text) => expect(parseCidr(text)).not.toBeNull());
	it.each(["localhost", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "*", ""])("does not read %j", (text) =>
		expect(parseCidr(text)).toBeNull(),
	);
	it("holds a single address as itself alone", () => expect(parseCidr("10.1.2.3")?.[1]).toBe(32));
});

describe("a URL of this machine", () => {
	it.each(["http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]:8080", "http://localhost:8080", "http://0x7f.1"])("is %s", (url) =>
		expect(isLoopbackUrl(url)).toBe(true),
	);
	it.each(["https://api.deapi.ai", "http://10.0.0.1", "http://localhost.example.com", "http://[::2]"])("is not %s", (url) =>
		expect(isLoopbackUrl(url)).toBe(false),
	);
	it("names its host without brackets", () => {
		expect(literalOf("[::1]")).toBe("::1");
		expect(literalOf("example.com")).toBeNull();
	});
});

describe("our own host as a callback's", () => {
	const OWN = "must not point at this service's own host";
	it.each([
		["https://jobs.example.com", "https://jobs.example.com/hooks/deapi", OWN],
		["https://jobs.example.com", "https://JOBS.example.com.:8443/", OWN],
		["https://jobs.example.com", "https://jobs.example.com.evil.test/", null],
		["https://jobs.example.com/base", "https://example.com/", null],
		["https://8.8.8.8:8443", "https://8.8.8.8/", OWN],
		["http://127.0.0.1:8080", "http://127.0.0.1:9000/", PRIVATE],
	])("%s refuses %s: %s", (own, url, objection) => expect(new AddressGuard(reaching(), own).objection(url)).toBe(objection));

	it.each([
		["http://127.0.0.1:8080", "http://127.0.0.1:9000/", null],
		["http://localhost:8080", "http://localhost:9000/", null],
		["https://10.1.0.1", "https://10.1.0.1/", null],
		["https://jobs.example.com", "https://jobs.example.com/", OWN],
	])("%s where its address is listed: %s is %s", (own, url, objection) => {
		expect(new AddressGuard(reaching(["127.0.0.0/8", "10.1.0.0/16"]), own).objection(url)).toBe(objection);
	});
});
