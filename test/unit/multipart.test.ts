import { describe, expect, it } from "vitest";
import { JobhookError } from "../../src/errors.ts";
import { type Reading, readMultipart } from "../../src/http/multipart.ts";

const B = "----edge7d1";
const part = (headers: string, body = "") => `--${B}\r\n${headers}\r\n\r\n${body}\r\n`;
const named = (name: string, body = "", more = "") => part(`Content-Disposition: form-data; name="${name}"${more}`, body);
const END = `--${B}--\r\n`;
/** A form as curl sends it: a text part, a file with line breaks and half a boundary in it, an empty file, another text. */
const FILE = `GIF89a\r\n\r\n--${B.slice(0, -1)}\r\n-\r\n--\r`;
const FORM =
	named("job", '{"a":1}') +
	named("data", FILE, '; filename="a clip.mp4"\r\nContent-Type: video/mp4') +
	named("reference_image", "", '; filename=""') +
	named("more", "ü") +
	END;

interface Seen {
	texts: Record<string, string>;
	files: { name: string; filename: string | null; text: string }[];
}
const request = (chunks: Iterable<Uint8Array>, type = `multipart/form-data; boundary=${B}`) => {
	const iterator = chunks[Symbol.iterator]();
	const body = new ReadableStream<Uint8Array>(
		{
			pull(controller) {
				const { done, value } = iterator.next();
				if (done) controller.close();
				else controller.enqueue(value);
			},
		},
		{ highWaterMark: 0 },
	);
	return new Request("http://a/", { method: "POST", headers: { "content-type": type }, body, duplex: "half" });
};

async function read(chunks: string | Iterable<Uint8Array>, over: Partial<Reading> = {}, type?: string): Promise<Seen> {
	const files: Seen["files"] = [];
	const given = typeof chunks === "string" ? [new TextEncoder().encode(chunks)] : chunks;
	const texts = await readMultipart(request(given, type), {
		fields: ["job", "more"],
		maxFieldBytes: 100,
		onFile: async (one, bytes) => {
			const decoder = new TextDecoder();
			let text = "";
			for await (const chunk of bytes) text += decoder.decode(chunk, { stream: true });
			files.push({ ...one, text });
		},
		...over,
	});
	return { texts: Object.fromEntries(texts), files };
}

const EXPECTED: Seen = {
	texts: { job: '{"a":1}', more: "ü" },
	files: [
		{ name: "data", filename: "a clip.mp4", text: FILE },
		{ name: "reference_image", filename: null, text: "" },
	],
};

describe("a multipart body", () => {
	it("is read the same wherever the network cuts it", async () => {
		const bytes = new TextEncoder().encode(FORM);
		for (let at = 0; at <= bytes.length; at++) {
			expect(await read([bytes.subarray(0, at), bytes.subarray(at)]), `cut at ${at}`).toEqual(EXPECTED);
		}
		for (let size = 1; size < 80; size++) {
			const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
			expect(await read(pieces), `in pieces of ${size}`).toEqual(EXPECTED);
		}
	});

	it("is refused wherever it breaks off", async () => {
		const bytes = new TextEncoder().encode(FORM);
		for (let end = 0; end < bytes.length - 2; end++) {
			const error = await read([bytes.subarray(0, end)]).catch((e: unknown) => e);
			expect([(error as JobhookError).code, (error as JobhookError).status], `up to ${end}`).toEqual(["invalid_request", 400]);
		}
	});

	it.each([
		["with something before the first boundary", `a preamble\r\n${FORM}`],
		["with something behind the last one", `${FORM}an epilogue\r\n--${B}\r\nand more`],
		["whose last boundary ends the body", FORM.slice(0, -2)],
	])("%s is read all the same", async (_, body) => {
		expect(await read(body)).toEqual(EXPECTED);
	});

	it("may have its boundary in quotes, and its type in capitals", async () => {
		expect(await read(FORM, {}, `Multipart/Form-Data; charset=utf-8; boundary="${B}"`)).toEqual(EXPECTED);
	});

	it("reads no more than is taken: one file's bytes wait for the one before", async () => {
		let given = 0;
		const chunk = new Uint8Array(1000);
		function* body() {
			yield new TextEncoder().encode(`--${B}\r\nContent-Disposition: form-data; name="a"\r\n\r\n`);
			for (; given < 100; given++) yield chunk;
			yield new TextEncoder().encode(`\r\n${END}`);
		}
		let ahead = 0;
		let taken = 0;
		await read(body(), {
			onFile: async (_, bytes) => {
				for await (const one of bytes) {
					taken += one.length / 1000;
					ahead = Math.max(ahead, given - taken);
				}
			},
		});
		expect(Math.round(taken)).toBe(100);
		expect(ahead).toBeLessThanOrEqual(2);
	});

	it("goes on behind a file that was not read to its end", async () => {
		const seen = await read(FORM, { onFile: async () => {} });
		expect(seen.texts).toEqual(EXPECTED.texts);
		const early = await read(FORM, {
			onFile: async (_, bytes) => {
				for await (const one of bytes) if (one.length > 0) break;
			},
		});
		expect(early.texts).toEqual(EXPECTED.texts);
	});

	it("ends with what the taker of a file throws", async () => {
		await expect(read(FORM, { onFile: () => Promise.reject(new Error("disk full")) })).rejects.toThrow("disk full");
	});

	it("takes a text part for text, even when it comes with a file name", async () => {
		const blob = part('Content-Disposition: form-data; name="job"; filename="blob"\r\nContent-Type: application/json', "{}");
		expect(await read(blob + END)).toEqual({ texts: { job: "{}" }, files: [] });
	});

	it.each([
		["of a browser", 'form-data; name="data"; filename="a%22b.mp4"', 'a"b.mp4'],
		["of curl", 'form-data; name="data"; filename="a\\"b.mp4"', 'a"b.mp4'],
		["in UTF-8", 'form-data; name="data"; filename="клип ü.mp4"', "клип ü.mp4"],
		["with a path", 'form-data; name="data"; filename="C:\\clips\\a.mp4"', "C:\\clips\\a.mp4"],
		["that reads like another name", 'form-data; filename="x; name=job"; name="data"', "x; name=job"],
		["without quotes", "form-data;name=data;filename=a.mp4", "a.mp4"],
		["in the extended way", `form-data; name="data"; filename="a.mp4"; filename*=UTF-8''%E2%82%AC.mp4`, "€.mp4"],
		["in a broken extended way", `form-data; name="data"; filename="a.mp4"; filename*=UTF-8''%E2%82.mp4`, "a.mp4"],
	])("understands a file name %s", async (_, disposition, filename) => {
		const { files } = await read(part(`content-disposition: ${disposition}`, "x") + END);
		expect(files).toEqual([{ name: "data", filename, text: "x" }]);
	});

	it.each([
		["nothing", "", "closing boundary"],
		["no boundary at all", "hello", "closing boundary"],
		["a part without a name", part("Content-Disposition: form-data", "x") + END, "no name"],
		["a part that is no form-data", part('Content-Disposition: attachment; name="a"', "x") + END, "not form-data"],
		["a part without Content-Disposition", part("Content-Type: text/plain", "x") + END, "not one Content-Disposition"],
		["a Content-Disposition that is cut", part('Content-Disposition: form-data; name="a', "x") + END, "Content-Disposition"],
		["a header that is none", part("nonsense", "x") + END, "headers of a part (InvalidHeaderName)"],
		["headers without end", `--${B}\r\n${"a: b\r\n".repeat(200)}\r\n\r\n${END}`, "headers of a part (TooManyHeaders)"],
		["a header that is too long", part(`a: ${"b".repeat(20_000)}`, "x") + END, "headers of a part (HeaderTooLarge)"],
		["a part that ends in its headers", `--${B}\r\nContent-Type: text/plain\r\n${END}`, "no body"],
		["boundaries with nothing between", `--${B}\r\n--${B}\r\n${END}`, "broken"],
		["a boundary in the middle of a line", `--${B} and so on\r\n${END}`, "does not end its line"],
		["21 parts", named("more2").repeat(21) + END, "more than 20 parts"],
		["no end behind its end", `${FORM}${"x".repeat(70_000)}${"x".repeat(70_000)}`, "more behind"],
	])("with %s is refused in words", async (_, body, why) => {
		const chunks = body.match(/.{1,60000}/gs)?.map((text) => new TextEncoder().encode(text)) ?? [];
		const error = (await read(chunks).catch((e: unknown) => e)) as JobhookError;
		expect(error).toBeInstanceOf(JobhookError);
		expect([error.status, error.message]).toEqual([400, expect.stringContaining(why)]);
	});

	it.each([
		["without a boundary", "multipart/form-data"],
		["with an empty boundary", 'multipart/form-data; boundary=""'],
		["with a boundary that is too long", `multipart/form-data; boundary=${"x".repeat(71)}`],
	])("%s is refused", async (_, type) => {
		await expect(read(FORM, {}, type)).rejects.toThrow("names no boundary");
	});

	it("with 20 parts is read", async () => {
		expect((await read(named("x").repeat(20) + END)).files).toHaveLength(20);
	});

	it("refuses a text part that is too long, comes twice, or is no UTF-8", async () => {
		await expect(read(named("job", "x".repeat(101)) + END)).rejects.toMatchObject({ code: "payload_too_large" });
		await expect(read(named("job") + named("job") + END)).rejects.toMatchObject({ details: [{ field: "job", message: "comes twice" }] });
		const latin = Uint8Array.from(Buffer.from(named("job", "\xfc") + END, "latin1"));
		await expect(read([latin])).rejects.toThrow("the part job is not valid UTF-8");
	});
});
