import { describe, expect, it } from "vitest";
import { createWorld, type JobAnswer, key, read, refusalOf } from "./world.ts";

/** That package cannot be installed here: these are the bytes that version 0.1.4 was seen to send, through aiohttp. */
const boundary = "8f2c0e5b0d6d4a54a3c1f3b2e1d09c77";
const film = Uint8Array.of(0, 0, 0, 24, 255, 254, 13, 10, 45, 45, 128, 0);

interface Sent {
	texts: Record<string, string>;
	/** Null: no filename, as aiohttp 4 writes a part of plain bytes. */
	filename: string | null;
}
function bytesOf({ texts, filename }: Sent): Uint8Array<ArrayBuffer> {
	const text = ([name, value]: [string, string]) =>
		`--${boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
	const named = filename === null ? "" : `; filename="${filename}"`;
	const head = `--${boundary}\r\nContent-Type: application/octet-stream\r\nContent-Disposition: form-data; name="data"${named}\r\n\r\n`;
	return new Uint8Array(
		Buffer.concat([Buffer.from(Object.entries(texts).map(text).join("") + head), film, Buffer.from(`\r\n--${boundary}--\r\n`)]),
	);
}
const headers = {
	"X-API-KEY": key,
	"User-Agent": "decart-python-sdk/0.1.4 lang/py",
	Accept: "*/*",
	"Accept-Encoding": "gzip, deflate",
	"Content-Type": `multipart/form-data; boundary=${boundary}`,
};
const upload = (sent: Sent) => ({ method: "POST", headers, body: bytesOf(sent) });

describe("Decart conformance: the Python SDK's bytes, written down by hand", () => {
	it("2 a submit by the Python SDK is taken, True and all", async () => {
		const { request, calls } = createWorld();
		const texts = { prompt: "füchse", seed: "3", enhance_prompt: "True" };
		const answer = await request("/v1/jobs/lucy-clip", upload({ texts, filename: "data" }));
		expect(answer.headers.get("content-type")).toMatch(/^application\/json/); // or aiohttp refuses to read it
		expect(await read<JobAnswer>(answer)).toEqual({ job_id: expect.any(String), status: "pending" });
		expect((await calls())[0]).toMatchObject({
			userAgent: "decart-python-sdk/0.1.4 lang/py",
			fields: { ...texts, data: { filename: "data", type: "application/octet-stream", bytes: film.length } },
		});
	});

	it("6 a file part without a filename is a file, byte for byte", async () => {
		const { request, calls } = createWorld();
		for (const filename of ["data", null]) {
			expect((await request("/v1/jobs/lucy-2.1", upload({ texts: { prompt: "" }, filename }))).status).toBe(200);
		}
		const [named, unnamed] = (await calls()).map(({ fields }) => fields?.["data"]);
		expect(unnamed).toEqual({ ...(named as object), filename: null });
		expect(unnamed).toMatchObject({ bytes: film.length });
	});

	it("14 the Python SDK is given the JSON that it shows as it is", async () => {
		const { request } = createWorld();
		const answer = await request("/v1/jobs/lucy-clip", upload({ texts: { prompt: "x".repeat(1200) }, filename: "data" }));
		expect([answer.status, await answer.text()]).toEqual([422, '{"detail":"Prompt is too long: 1200 > 1000"}']);
	});

	it("10 an unknown job is a refusal in JSON", async () => {
		const { request } = createWorld();
		expect(await refusalOf(request("/v1/jobs/unknown", { headers }))).toEqual([404, { detail: "Job not found" }]);
	});
});
