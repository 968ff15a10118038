import { describe, expect, it } from "vitest";
import { signDeapi } from "../../src/core/signature.ts";
import { flawOf, verifyDeapi } from "../../src/inbound/verify.ts";

const SECRET = "whsec_test_0123456789abcdef0123456789abcdef";
const AT = "1705315845";
/** 370 bytes, with PHP's escaped slashes. */
const BODY = String.raw`{"event":"job.completed","delivery_id":"550e8400-e29b-41d4-a716-446655440001","timestamp":"2024-01-15T10:50:45.000Z","data":{"job_request_id":"123e4567-e89b-12d3-a456-426614174000","status":"done","previous_status":"processing","job_type":"txt2img","completed_at":"2024-01-15T10:50:45.000Z","result_url":"https:\/\/storage.deapi.ai\/r\/a.png","processing_time_ms":4500}}`;
const SIGNATURE = "sha256=55d88de26380f3a45aed45b288b4628b3bd7769116ef2e4293888eca6b265723";
const bytes = (text: string) => new TextEncoder().encode(text);

type Hook = Parameters<typeof verifyDeapi>[0];
const verify = (over: Partial<Hook> = {}) =>
	verifyDeapi({
		signature: SIGNATURE,
		timestamp: AT,
		body: bytes(BODY),
		secrets: [SECRET],
		nowMs: Number(AT) * 1000,
		windowMs: 300_000,
		...over,
	});

describe("deAPI's signature", () => {
	it("is the one of the provider's own example", () => {
		expect(signDeapi("secret", "1700000000", '{"a":1}')).toBe("sha256=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686");
	});

	it("covers the raw bytes of a real hook", () => {
		expect(bytes(BODY)).toHaveLength(370);
		expect(signDeapi(SECRET, AT, bytes(BODY))).toBe(SIGNATURE);
		expect(signDeapi(SECRET, AT, BODY)).toBe(SIGNATURE);
		expect(verify()).toBe("authentic");
	});

	it("takes the secret as it is given, prefix and all", () => {
		expect(verify({ secrets: [SECRET.slice("whsec_".length)] })).toBe("bad_signature");
		expect(verify({ secrets: [` ${SECRET}`] })).toBe("bad_signature");
	});
});

describe("the time window", () => {
	it.each([
		[0, "authentic"],
		[299, "authentic"],
		[-299, "authentic"],
		[300, "authentic"],
		[-300, "authentic"],
		[300.001, "outside_window"],
		[-300.001, "outside_window"],
		[301, "outside_window"],
		[-301, "outside_window"],
		[86_400 * 365, "outside_window"],
	])("for a hook of %f s ago: %s", (ageSeconds, expected) => {
		expect(verify({ nowMs: (Number(AT) + ageSeconds) * 1000 })).toBe(expected);
	});

	it("cannot be moved by changing the header: the time is signed", () => {
		const later = String(Number(AT) + 3600);
		expect(verify({ timestamp: later, nowMs: Number(later) * 1000 })).toBe("bad_signature");
	});

	it.each([
		["absent", undefined],
		["empty", ""],
		["milliseconds", `${AT}000`],
		["not a number", "yesterday"],
		["a number with letters behind it", `${AT}abc`],
		["a fraction", `${AT}.5`],
		["negative", `-${AT}`],
		["in hexadecimal", "0x65a50f85"],
		["a number with spaces", ` ${AT}`],
		["an ISO date", "2024-01-15T10:50:45.000Z"],
		["absurdly long", "9".repeat(400)],
	])("refuses a timestamp that is %s, even well signed", (_, timestamp) => {
		const signature = signDeapi(SECRET, timestamp ?? "", BODY);
		expect(verify({ timestamp, signature })).toBe("bad_timestamp");
	});
});

describe("what is refused", () => {
	const hex = SIGNATURE.slice("sha256=".length);
	it.each([
		["upper-case hex", `sha256=${hex.toUpperCase()}`],
		["an upper-case prefix", `SHA256=${hex}`],
		["no prefix", hex],
		["another prefix", `sha1=${hex}`],
		["a truncated signature", SIGNATURE.slice(0, -1)],
		["a prefix alone", "sha256="],
		["a signature with more behind it", `${SIGNATURE}0`],
		["two signatures", `${SIGNATURE}, ${SIGNATURE}`],
		["a changed digit", SIGNATURE.replace(/3$/, "4")],
		["text beyond ASCII of the same length", `${SIGNATURE.slice(0, -1)}é`],
		["a signature of another body", signDeapi(SECRET, AT, '{"a":1}')],
		["a signature of the body without the time", signDeapi(SECRET, "", BODY)],
		["a signature under another secret", signDeapi("another secret", AT, BODY)],
	])("%s", (_, signature) => {
		expect(verify({ signature })).toBe("bad_signature");
	});

	it("a body that was parsed and written again, though it means the same", () => {
		const again = JSON.stringify(JSON.parse(BODY));
		expect(again).not.toBe(BODY);
		expect(verify({ body: bytes(again) })).toBe("bad_signature");
	});

	it.each([
		["with a byte order mark", `\uFEFF${BODY}`],
		["with a line end", `${BODY}\n`],
		["cut short", BODY.slice(0, -1)],
		["gone", ""],
	])("a body %s", (_, body) => {
		expect(verify({ body: bytes(body) })).toBe("bad_signature");
	});

	it.each([undefined, ""])("no signature: %j", (signature) => {
		expect(verify({ signature })).toBe("no_signature");
	});

	it("everything, where the account has no secret", () => {
		expect(verify({ secrets: [] })).toBe("no_secret");
		expect(verify({ secrets: [], signature: "" })).toBe("no_secret");
	});

	it("a time outside the window before any bytes are hashed: the window is no secret", () => {
		const body = {
			get length(): number {
				throw new Error("read");
			},
		} as unknown as Uint8Array;
		expect(verify({ nowMs: 0, body })).toBe("outside_window");
	});
});

describe("what the headers alone show", () => {
	const flaw = (over: Partial<Parameters<typeof flawOf>[0]> = {}) =>
		flawOf({ signature: SIGNATURE, timestamp: AT, nowMs: Number(AT) * 1000, windowMs: 300_000, ...over });

	it("is nothing where a signature of the right shape was made just now, whatever it is worth", () => {
		expect(flaw()).toBe(null);
		expect(flaw({ signature: `sha256=${"0".repeat(64)}` })).toBe(null);
	});

	it.each([
		["no_signature", { signature: undefined }],
		["no_signature", { signature: "", timestamp: "yesterday" }],
		["bad_timestamp", { timestamp: "yesterday", signature: "sha256=00" }],
		["bad_signature", { signature: "sha256=00", nowMs: 0 }],
		["bad_signature", { signature: SIGNATURE.toUpperCase() }],
		["bad_signature", { signature: `${SIGNATURE}, ${SIGNATURE}` }],
		["bad_signature", { signature: `${SIGNATURE}\n` }],
		["outside_window", { nowMs: Number(AT) * 1000 + 300_001 }],
		["outside_window", { timestamp: "999999999999" }],
	])("%s: %j", (expected, over) => {
		expect(flaw(over)).toBe(expected);
	});
});

describe("several secrets of one account", () => {
	it.each([0, 1, 2])("verify with the one at place %i", (place) => {
		const secrets = ["older", "old", "new"].with(place, SECRET);
		expect(verify({ secrets })).toBe("authentic");
	});

	it("do not help a hook that none of them signed", () => {
		expect(verify({ secrets: ["older", "old", "new"] })).toBe("bad_signature");
	});
});

it("covers bytes that are not text", () => {
	const body = new Uint8Array([0, 255, 254, 10]);
	expect(verify({ body, signature: signDeapi(SECRET, AT, body) })).toBe("authentic");
});
