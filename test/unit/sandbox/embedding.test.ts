import { describe, expect, it } from "vitest";
import { embed } from "../../../src/sandbox/deapi/types/txt2embedding.ts";
import { bodies, createWorld, errorsOf } from "./world.ts";

const body = bodies.txt2embedding;
const send = (input: unknown) => createWorld().post("txt2embedding", { ...body, input });

async function finished(over: Record<string, unknown>) {
	const { sandbox, submitted, status, pass } = createWorld();
	const id = await submitted({ ...body, ...over }, "txt2embedding");
	await pass(1800);
	const { result, result_url } = await status(id);
	return { result, file: await (await sandbox.app.request(result_url ?? "")).text() };
}

describe("txt2embedding", () => {
	it("49: a vector of 1024 numbers is a string in `result` when it was asked for", async () => {
		const { result, file } = await finished({ return_result_in_response: true });
		expect(typeof result).toBe("string");
		expect(JSON.parse(result ?? "")).toEqual(embed("a red fox"));
		expect(file).toBe(result);
	});

	it("49: it is in the file alone when it was not", async () => {
		const { result, file } = await finished({});
		expect(result).toBeNull();
		expect(JSON.parse(file)).toHaveLength(1024);
	});

	it("a list comes back as a list in the same order, also a list of one", async () => {
		const { file } = await finished({ input: ["cat", "dog"] });
		expect(JSON.parse(file)).toEqual([embed("cat"), embed("dog")]);
		expect(JSON.parse((await finished({ input: ["cat"] })).file)).toEqual([embed("cat")]);
	});

	it("the same text always has the same vector, of length one, and another text another", () => {
		expect(embed("cat")).toEqual(embed("cat"));
		expect(embed("cat")).not.toEqual(embed("dog"));
		expect(embed("cat")).toHaveLength(1024);
		expect(Math.hypot(...embed("cat"))).toBeCloseTo(1, 4);
	});

	it("28: 2048 inputs are accepted, 2049 are not", async () => {
		expect((await send(new Array(2048).fill("x"))).status).toBe(200);
		expect(await errorsOf(send(new Array(2049).fill("x")))).toEqual({ input: ["The input field must not have more than 2048 items."] });
	});

	it("an input is text, and there is at least one", async () => {
		for (const input of [null, "", []]) expect(await errorsOf(send(input))).toEqual({ input: ["The input field is required."] });
		expect(await errorsOf(send(["a", 1, ""]))).toEqual({
			"input.1": ["The input.1 field must be a string."],
			"input.2": ["The input.2 field must be a string."],
		});
		expect(await errorsOf(send({ text: "a" }))).toEqual({ input: ["The input field must be a string."] });
	});

	it("an input that is too long is refused by its number, and too many tokens in all together", async () => {
		expect(await errorsOf(send(["a", "x".repeat(4 * 8192 + 1)]))).toEqual({
			"input.1": ["The input.1 field must not be greater than 8192 tokens."],
		});
		expect((await send("x".repeat(4 * 8192))).status).toBe(200);
		expect(await errorsOf(send(new Array(37).fill("x".repeat(4 * 8192))))).toEqual({
			input: ["The input field must not be greater than 300000 tokens in all."],
		});
	});

	it("repeated keys of a form are a list", async () => {
		const { request } = createWorld();
		const answer = await request("/api/v1/client/txt2embedding", {
			method: "POST",
			body: new URLSearchParams([...new Array(2049).fill(["input[]", "x"]), ["model", "Bge_M3_FP16"]]),
		});
		expect(await errorsOf(answer)).toHaveProperty("input");
	});
});
