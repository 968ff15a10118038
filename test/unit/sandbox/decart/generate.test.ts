import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { createWorld, problemsOf, refusalOf, video, whole } from "./world.ts";

const image = { prompt: "a red fox", data: video };

describe("Decart conformance: images", () => {
	it("15 generate answers with a PNG; 480p is taken and 360p is not", async () => {
		const { generate } = createWorld();
		const answer = await generate("lucy-image-2", { ...image, resolution: "480p" });
		expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "image/png"]);
		expect(decode(await answer.arrayBuffer())).toMatchObject({ width: 872, height: 480 });
		const refused = generate("lucy-image-2", { ...image, resolution: "360p" });
		expect(await refused.then((one) => one.clone().json())).toMatchObject({ detail: [{ msg: "Input should be '720p' or '480p'" }] });
		expect(await problemsOf(refused)).toEqual(["body.resolution literal_error"]);
	});

	it("16 a prompt of 1001 characters is refused", async () => {
		const { generate } = createWorld();
		const detail = "Prompt is too long: 1001 > 1000";
		expect(await refusalOf(generate("lucy-image-2", { ...image, prompt: "x".repeat(1001) }))).toEqual([422, { detail }]);
	});

	it("17 an image model may also be queued, and its content is a PNG", async () => {
		const { submitted, content, pass } = createWorld();
		const id = await submitted("lucy-image-2", image);
		await pass(1800);
		const answer = await content(id);
		expect(answer.headers.get("content-type")).toBe("image/png");
		expect(decode(await answer.arrayBuffer())).toMatchObject({ width: 1280, height: 704 });
	});
});

describe("generate", () => {
	it("answers for video models with a film, as old clients want it", async () => {
		const { generate } = createWorld();
		for (const model of ["lucy-clip", "lucy-pro-t2v"]) {
			const answer = await generate(model, whole);
			expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "video/mp4"]);
		}
	});

	it("gives the same bytes for the same seed and inputs, and others otherwise", async () => {
		const { generate } = createWorld();
		const bytes = async (seed: string, prompt = "fox") =>
			Buffer.from(await (await generate("lucy-image-2", { ...image, seed, prompt, resolution: "480p" })).arrayBuffer()).toString("base64");
		expect(await bytes("7")).toBe(await bytes("7"));
		expect(await bytes("7")).not.toBe(await bytes("8"));
		expect(await bytes("7")).not.toBe(await bytes("7", "hen"));
	});

	it("takes its time where it is told to, and fails as a job would", async () => {
		const { generate, pass, timersSet } = createWorld({ knobs: { jobs: { generateMs: 1000 } } });
		const waiting = generate("lucy-image-2", { ...image, prompt: "[fail]" });
		await timersSet(1);
		await pass(999);
		expect(await Promise.race([waiting, "nothing yet"])).toBe("nothing yet");
		await pass(1);
		expect(await refusalOf(waiting)).toEqual([500, { detail: "Generation failed" }]);
	});
});
