import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundaryOf, type PartHead, readMultipart } from "../../../src/sandbox/multipart.ts";
import { createSha256 } from "../../../src/sandbox/sha256.ts";

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
	for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
/** Heads and bodies (latin1, so that every byte is a letter). */
async function partsOf(body: Uint8Array, boundary: string, size: number): Promise<[PartHead, string][]> {
	const parts: [PartHead, string][] = [];
	await readMultipart(inPieces(body, size), boundary, (head) => {
		const part: [PartHead, string] = [head, ""];
		parts.push(part);
		return (bytes) => {
			part[1] += Buffer.from(bytes).toString("latin1");
		};
	});
	return parts;
}
const part = (head: string, body: string) => `--b\r\n${head}\r\n\r\n${body}\r\n`;
const latin1 = (text: string) => Buffer.from(text, "latin1");

describe("multipart", () => {
	it("is read the same however it is cut into pieces", async () => {
		const body = latin1(
			`preamble\r\n${part('Content-Disposition: form-data; name="a"', "")}${part(
				'content-type: video/mp4\r\ncontent-disposition: form-data; filename="x \\"y\\".mp4"; name=data',
				"\r\n--not\r\n-\r\n--\r",
			)}--b--\r\nepilogue`,
		);
		const expected = [
			[{ name: "a", filename: null, type: null }, ""],
			[{ name: "data", filename: 'x "y".mp4', type: "video/mp4" }, "\r\n--not\r\n-\r\n--\r"],
		];
		for (let size = 1; size <= body.length; size++) expect(await partsOf(body, "b", size)).toEqual(expected);
	});

	it("gives back every byte of whatever FormData wrote", async () => {
		const file = fc.record({ bytes: fc.uint8Array({ maxLength: 300 }), size: fc.integer({ min: 1, max: 400 }) });
		await fc.assert(
			fc.asyncProperty(file, async ({ bytes, size }) => {
				const form = new FormData();
				form.append("data", new Blob([new Uint8Array(bytes)]));
				const request = new Request("http://x", { method: "POST", body: form });
				const boundary = boundaryOf(request.headers.get("content-type") ?? "") ?? "";
				const parts = await partsOf(await request.bytes(), boundary, size);
				expect(parts).toEqual([
					[{ name: "data", filename: "blob", type: "application/octet-stream" }, Buffer.from(bytes).toString("latin1")],
				]);
			}),
			{ numRuns: 50 },
		);
	});

	it.each([
		["breaks off in a part", part('Content-Disposition: form-data; name="a"', "x")],
		["is empty", ""],
		["has a part without a name", `${part("Content-Type: text/plain", "x")}--b--`],
		["has a delimiter that goes on", "--bc\r\n\r\n--b--"],
		["has a head without an end", `--b\r\n${"x".repeat(20_000)}`],
	])("is refused when it %s", async (_, body) => {
		await expect(partsOf(latin1(body), "b", 1000)).rejects.toThrow(/./);
	});

	it("has its boundary in the content type, quoted or not", () => {
		expect(boundaryOf("multipart/form-data; boundary=abc")).toBe("abc");
		expect(boundaryOf('Multipart/Form-Data; charset=utf-8; boundary="a b"; x=y')).toBe("a b");
		expect(boundaryOf("multipart/mixed; boundary=abc")).toBe(null);
		expect(boundaryOf("multipart/form-data")).toBe(null);
	});
});

describe("SHA-256 in pieces", () => {
	it("is Node's own", () => {
		fc.assert(
			fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (pieces) => {
				const hash = createSha256();
				for (const piece of pieces) hash.add(piece);
				expect(hash.hex()).toBe(createHash("sha256").update(Buffer.concat(pieces)).digest("hex"));
			}),
			{ numRuns: 300 },
		);
	});
});
