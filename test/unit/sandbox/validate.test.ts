import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createWorld, fullBody, minimalBody, type Refusal } from "./world.ts";

async function refusal(body: unknown, strict = false): Promise<Refusal> {
	const answer = await createWorld({ strict }).submit(body);
	expect(answer.status).toBe(422);
	return (await answer.json()) as Refusal;
}
const accepted = async (body: unknown, strict = false) => (await createWorld({ strict }).submit(body)).status === 200;
const without = (...names: string[]) => Object.fromEntries(Object.entries(fullBody).filter(([name]) => !names.includes(name)));

describe("txt2img", () => {
	it("12: a full request is answered with a lower-case UUID and nothing else", async () => {
		const answer = await createWorld().submit(fullBody);
		expect(answer.status).toBe(200);
		expect(await answer.json()).toEqual({
			data: { request_id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/) },
		});
	});

	it("13: a missing prompt is answered 422 naming the field", async () => {
		const text = "The prompt field is required.";
		expect(await refusal(without("prompt"))).toEqual({ message: text, errors: { prompt: [text] } });
	});

	it("14: the message counts the errors it does not show", async () => {
		expect((await refusal(without("prompt", "width"))).message).toBe("The prompt field is required. (and 1 more error)");
		expect((await refusal(without("prompt", "width", "seed"))).message).toBe("The prompt field is required. (and 2 more errors)");
	});

	it("15: what the SDK leaves out is taken from the model, and demanded in strict mode", async () => {
		expect(await accepted(minimalBody)).toBe(true);
		expect((await refusal(minimalBody, true)).errors).toEqual({
			guidance: ["The guidance field is required."],
			steps: ["The steps field is required."],
		});
		expect(await accepted(fullBody, true)).toBe(true);
	});

	it("16: an unknown model is refused under `model`", async () => {
		expect((await refusal({ ...fullBody, model: "Nope" })).errors).toEqual({ model: ["The selected model does not exist."] });
	});

	it("17: a model for something else is refused under `model`", async () => {
		expect((await refusal({ ...fullBody, model: "WhisperLargeV3" })).errors).toEqual({
			model: ["The selected model does not support Text To Image."],
		});
	});

	it("sizes and steps are held to the model's limits", async () => {
		expect((await refusal({ ...fullBody, width: 128, height: 4096, steps: 11 })).errors).toEqual({
			width: ["The width field must be at least 256."],
			height: ["The height field must not be greater than 2048."],
			steps: ["The steps field must not be greater than 10."],
		});
		expect((await refusal({ ...fullBody, steps: 0 })).errors).toEqual({ steps: ["The steps field must be at least 1."] });
	});

	it("sizes off the model's grid are refused in strict mode only", async () => {
		const body = { ...fullBody, width: 500 };
		expect(await accepted(body)).toBe(true);
		expect((await refusal(body, true)).errors).toEqual({ width: ["The width field must be a multiple of 128."] });
	});

	it("words and fractions are not integers, and a list is not a text", async () => {
		expect((await refusal({ ...fullBody, width: "wide", seed: 1.5, prompt: ["fox"], guidance: true })).errors).toEqual({
			prompt: ["The prompt field must be a string."],
			width: ["The width field must be an integer."],
			guidance: ["The guidance field must be a number."],
			seed: ["The seed field must be an integer."],
		});
	});

	it("a lora needs a name and a weight that is not negative", async () => {
		expect((await refusal({ ...fullBody, loras: [{ name: "a", weight: 1 }, { weight: -1 }, "x"] })).errors).toEqual({
			"loras.1.name": ["The loras.1.name field is required."],
			"loras.1.weight": ["The loras.1.weight field must be at least 0."],
			"loras.2.name": ["The loras.2.name field is required."],
			"loras.2.weight": ["The loras.2.weight field is required."],
		});
		expect((await refusal({ ...fullBody, loras: "soft" })).errors).toEqual({ loras: ["The loras field must be an array."] });
	});

	it("whatever JSON comes, the answer is 200 or a 422 whose message is its first error", async () => {
		const { submit } = createWorld({ knobs: { balance: 1e6 } });
		const odd = fc.oneof(fc.jsonValue(), fc.constantFrom("", "0", "-1", "1e2", "512", "Flux1schnell"));
		const body = fc.record(Object.fromEntries(Object.keys(fullBody).map((name) => [name, odd])), { requiredKeys: [] });
		await fc.assert(
			fc.asyncProperty(fc.oneof(body, fc.jsonValue()), async (value) => {
				const answer = await submit(value);
				if (answer.status === 200) return;
				expect(answer.status).toBe(422);
				const { message, errors } = (await answer.json()) as Refusal;
				expect(message.startsWith(Object.values(errors)[0]?.[0] ?? "none")).toBe(true);
			}),
			{ numRuns: 60 },
		);
	});
});

describe("webhook_url", () => {
	const invalid = { webhook_url: ["The webhook url field must be a valid URL."] };

	it("19: plain http is refused, and so is what is no URL", async () => {
		for (const webhook_url of ["http://x.y", "http://127.0.0.1.evil.test/", "ftp://x.y/", "hook", "https://"])
			expect([webhook_url, (await refusal({ ...fullBody, webhook_url })).errors]).toEqual([webhook_url, invalid]);
	});

	it("plain http is let through to this machine, or no laptop could be called", async () => {
		for (const webhook_url of ["http://127.0.0.1:8080/h", "http://localhost/h", "http://[::1]:1/h"])
			expect([webhook_url, await accepted({ ...fullBody, webhook_url })]).toEqual([webhook_url, true]);
	});

	it("20: 2048 characters are accepted, 2049 are not", async () => {
		const ofLength = (n: number) => `https://receiver.test/${"a".repeat(n - 22)}`;
		expect(await accepted({ ...fullBody, webhook_url: ofLength(2048) })).toBe(true);
		expect((await refusal({ ...fullBody, webhook_url: ofLength(2049) })).errors).toEqual({
			webhook_url: ["The webhook url field must not be greater than 2048 characters."],
		});
	});
});
