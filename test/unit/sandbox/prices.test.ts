import { describe, expect, it } from "vitest";
import { bodies, createWorld, errorsOf } from "./world.ts";

async function price(name: string, body: Record<string, unknown>): Promise<number> {
	const answer = await createWorld().post(`${name}/price-calculation`, body);
	if (answer.status !== 200) throw new Error(`no price: ${await answer.text()}`);
	return ((await answer.json()) as { data: { price: number } }).data.price;
}
const refused = (name: string, body: Record<string, unknown>) => errorsOf(createWorld().post(`${name}/price-calculation`, body));

describe("prices", () => {
	it("are near what deAPI asks", async () => {
		const film = { ...bodies.txt2video, width: 512, height: 512, frames: 120, fps: 30 };
		expect(await price("txt2img", { ...bodies.txt2img, width: 512, height: 512, steps: 4 })).toBeCloseTo(0.0017, 3);
		expect(await price("txt2img", { ...bodies.txt2img, width: 1024, height: 1024, steps: 4 })).toBeCloseTo(0.0037, 4);
		expect(await price("txt2video", film)).toBeCloseTo(0.0056, 5);
		expect(await price("txt2audio", { ...bodies.txt2audio, text: undefined, count_text: 1_000_000 })).toBeCloseTo(0.77, 5);
		expect(await price("txt2music", { ...bodies.txt2music, duration: 60 })).toBeCloseTo(0.0009, 6);
		expect(await price("transcribe", { ...bodies.transcribe, source_url: null, duration_seconds: 3600 })).toBeCloseTo(0.021, 6);
		expect(await price("txt2embedding", { ...bodies.txt2embedding, input: "x".repeat(4000) })).toBeCloseTo(0.000076, 6);
	});

	it("are never nothing", async () => {
		expect(await price("txt2embedding", { ...bodies.txt2embedding, input: "x" })).toBe(0.000001);
	});

	it("41: music needs exactly three fields", async () => {
		expect(await price("txt2music", { model: "AceStep_1_5_Turbo", duration: 30, inference_steps: 8 })).toBeGreaterThan(0);
		expect(Object.keys(await refused("txt2music", {}))).toEqual(["model", "duration", "inference_steps"]);
	});

	it("43: speech is counted by its text, or by a number in its place", async () => {
		const { text, ...rest } = bodies.txt2audio;
		expect(await price("txt2audio", { ...rest, count_text: 11 })).toBe(await price("txt2audio", { ...rest, text }));
		expect(await refused("txt2audio", rest)).toEqual({ text: ["The text field is required when count text is not present."] });
		expect(Object.keys(await refused("txt2audio", { ...rest, text, count_text: 11 }))).toEqual(["text"]);
	});

	it("transcription is counted by a duration, an address or a file, and one of them alone", async () => {
		const rest = { include_ts: true, model: "WhisperLargeV3" };
		expect(await price("transcribe", { ...rest, duration_seconds: 120 })).toBeCloseTo(0.0007, 6);
		expect(await price("transcribe", { ...rest, source_url: "https://youtu.be/a" })).toBeGreaterThan(0);
		expect(await refused("transcribe", rest)).toEqual({
			source_url: ["The source url field is required when none of source file / duration seconds are present."],
		});
		expect(await refused("transcribe", { ...rest, source_url: "https://youtu.be/a", duration_seconds: 1 })).toEqual({
			source_url: ["The source url field prohibits duration seconds from being present."],
		});
	});

	it("are quoted for what the model would not take, from a form without fps, as the MCP server asks", async () => {
		const { request } = createWorld();
		const form = { model: "Ltxv_13B_0_9_8_Distilled_FP8", width: "512", height: "512", frames: "20", steps: "20" };
		const path = "/api/v1/client/txt2video";
		const answer = await request(`${path}/price-calculation`, { method: "POST", body: new URLSearchParams(form) });
		expect(answer.status).toBe(200);
		const submit = request(path, { method: "POST", body: new URLSearchParams({ ...form, prompt: "fox", seed: "-1" }) });
		expect(Object.keys(await errorsOf(submit))).toEqual(["steps", "frames"]);
	});
});

describe("txt2video", () => {
	const film = bodies.txt2video;
	const submit = (body: unknown, strict = false) => createWorld({ strict }).post("txt2video", body);

	it("27: an urlencoded form is taken", async () => {
		const form = new URLSearchParams(Object.entries(film).map(([name, value]): [string, string] => [name, String(value)]));
		expect((await createWorld().request("/api/v1/client/txt2video", { method: "POST", body: form })).status).toBe(200);
	});

	it("15: fps and guidance come from the model, and strict asks for them", async () => {
		expect((await submit(film)).status).toBe(200);
		expect(Object.keys(await errorsOf(submit(film, true)))).toEqual(["fps", "guidance"]);
		expect((await submit({ ...film, fps: 30, guidance: 0 }, true)).status).toBe(200);
	});

	it("size, frames, fps and steps are held to the model's limits", async () => {
		expect(await errorsOf(submit({ ...film, width: 1024, height: 128, frames: 121, fps: 24, steps: 2 }))).toEqual({
			width: ["The width field must not be greater than 768."],
			height: ["The height field must be at least 256."],
			steps: ["The steps field must not be greater than 1."],
			frames: ["The frames field must not be greater than 120."],
			fps: ["The fps field must be at least 30."],
		});
		expect(await errorsOf(submit({ ...film, model: "Ltx2_3_22B_Dist_INT8", width: 256 }))).toEqual({
			width: ["The width field must be at least 512."],
			height: ["The height field must be at least 512."],
		});
	});
});
