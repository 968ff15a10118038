import { describe, expect, it } from "vitest";
import { portionOf, type Wanted } from "../../src/http/ranges.ts";

const ETAG = `"${"ab".repeat(32)}"`;
const of = (asked: Partial<Wanted>, sizeBytes = 1000) => portionOf({ method: "GET", ...asked }, { sizeBytes, etag: ETAG });
const part = (start: number, end: number, size = 1000) => ({
	status: 206,
	range: { start, end },
	headers: { "Content-Range": `bytes ${start}-${end}/${size}` },
});
const none = { status: 416, headers: { "Content-Range": "bytes */1000" } };
const whole = { status: 200 };

describe("the portion of a file that is answered", () => {
	it.each<[range: string | undefined, answer: object]>([
		[undefined, whole],
		["bytes=0-", part(0, 999)],
		["bytes=0-0", part(0, 0)],
		["bytes=100-199", part(100, 199)],
		["bytes=999-", part(999, 999)],
		["bytes=990-2000", part(990, 999)],
		["bytes=-10", part(990, 999)],
		["bytes=-1000", part(0, 999)],
		["bytes=-5000", part(0, 999)],
		["Bytes=0-9", part(0, 9)],
		[" bytes= 0-9 ", part(0, 9)],
		["bytes=1000-", none],
		["bytes=1000-1001", none],
		["bytes=-0", none],
		["bytes=20-10", none],
		["bytes=0-0,5-9", whole],
		["bytes=0-0,-1", whole],
		["items=0-9", whole],
		["bytes=", whole],
		["bytes=-", whole],
		["bytes=a-b", whole],
		["bytes=1.5-9", whole],
		["bytes 0-9", whole],
		["", whole],
	])("for Range %j is what it names, or the whole", (range, answer) => {
		expect(of({ range })).toEqual(answer);
	});

	it("is the whole for a range of a file that is another one by now, and for a HEAD", () => {
		const range = "bytes=0-9";
		expect(of({ range, ifRange: ETAG })).toEqual(part(0, 9));
		for (const ifRange of ['"other"', `W/${ETAG}`, "Wed, 21 Oct 2026 07:28:00 GMT", ""])
			expect(of({ range, ifRange }), ifRange).toEqual(whole);
		expect(of({ range, method: "HEAD" })).toEqual(whole);
		expect(of({ range: "bytes=5000-", method: "HEAD" })).toEqual(whole);
	});

	it.each([
		[ETAG, 304],
		[`W/${ETAG}`, 304],
		[`"other", ${ETAG}`, 304],
		["*", 304],
		['"other"', 200],
		["", 200],
	])("for If-None-Match %s is nothing where the client has it", (ifNoneMatch, status) => {
		expect(of({ ifNoneMatch }).status).toBe(status);
		expect(of({ ifNoneMatch, method: "HEAD" }).status).toBe(status);
		expect(of({ ifNoneMatch, range: "bytes=0-9" }).status).toBe(status === 304 ? 304 : 206);
	});

	it("has no ranges where there are no bytes", () => {
		const empty = { status: 416, headers: { "Content-Range": "bytes */0" } };
		for (const range of ["bytes=0-", "bytes=-5", "bytes=0-0"]) expect(of({ range }, 0), range).toEqual(empty);
		expect(of({}, 0)).toEqual(whole);
	});
});
