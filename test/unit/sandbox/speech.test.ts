import { describe, expect, it } from "vitest";
import { bodies, createWorld, errorsOf } from "./world.ts";

const speech = bodies.txt2audio;
const music = bodies.txt2music;
const speak = (body: Record<string, unknown>, strict = false) => createWorld({ strict }).post("txt2audio", body);
const compose = (body: Record<string, unknown>, strict = false) => createWorld({ strict }).post("txt2music", body);
const accepted = async (answer: Promise<Response>) => (await answer).status === 200;
const clone = { ...speech, text: "Clone this voice", model: "Qwen3_TTS_12Hz_1_7B_Base", lang: "English", mode: "voice_clone" };
const design = { ...clone, model: "Qwen3_TTS_12Hz_1_7B_VoiceDesign", mode: "voice_design" };

describe("txt2audio", () => {
	it("25: JSON without a file is enough, with neither mode nor voice, as the SDK sends it", async () => {
		expect(await accepted(speak(speech))).toBe(true);
	});

	it("25: a clone needs a recording to be cloned from, in a form", async () => {
		const { postForm } = createWorld();
		const form = Object.fromEntries(Object.entries(clone).map(([name, value]) => [name, String(value)]));
		const ref_audio = new File([new Uint8Array(4000)], "ref_audio.bin", { type: "application/octet-stream" });
		expect(await accepted(postForm("txt2audio", { ...form, ref_audio }))).toBe(true);
		expect(await errorsOf(speak(clone))).toEqual({ ref_audio: ["The ref audio field is required when mode is voice_clone."] });
		expect(await errorsOf(speak({ ...clone, ref_audio: "sound" }))).toEqual({ ref_audio: ["The ref audio field must be a file."] });
	});

	it("25, 33: a recording past 15 MB is refused", async () => {
		const { postForm } = createWorld();
		const form = Object.fromEntries(Object.entries(clone).map(([name, value]) => [name, String(value)]));
		const ref_audio = new File([new Uint8Array(15 * 1024 * 1024 + 1)], "ref.wav");
		expect(await errorsOf(postForm("txt2audio", { ...form, ref_audio }))).toEqual({
			ref_audio: ["The ref audio field must not be greater than 15360 kilobytes."],
		});
	});

	it("a designed voice needs its description", async () => {
		expect(await errorsOf(speak(design))).toEqual({ instruct: ["The instruct field is required when mode is voice_design."] });
		expect(await accepted(speak({ ...design, instruct: "warm and calm" }))).toBe(true);
	});

	it("text and speed are held to the model's limits", async () => {
		expect(await errorsOf(speak({ ...speech, text: "x", speed: 3 }))).toEqual({
			text: ["The text field must be at least 3 characters."],
			speed: ["The speed field must not be greater than 2."],
		});
		expect(await errorsOf(speak({ ...speech, text: "x".repeat(10_002) }))).toEqual({
			text: ["The text field must not be greater than 10001 characters."],
		});
	});

	it("an unknown mode and an unknown format are refused", async () => {
		expect(await errorsOf(speak({ ...speech, mode: "sing", format: "midi" }))).toEqual({
			format: ["The selected format is invalid."],
			mode: ["The selected mode is invalid."],
		});
	});

	it("strict asks for a voice, and for what the model has: language, voice, mode", async () => {
		expect(await errorsOf(speak(speech, true))).toEqual({ voice: ["The voice field is required."] });
		expect(await accepted(speak({ ...speech, voice: "af_sky" }, true))).toBe(true);
		expect(await errorsOf(speak({ ...speech, voice: "alloy", lang: "xx" }, true))).toEqual({
			lang: ["The selected lang is invalid."],
			voice: ["The selected voice is invalid."],
		});
		expect(await errorsOf(speak({ ...speech, mode: "voice_design", instruct: "warm" }, true))).toEqual({
			mode: ["The selected mode is invalid."],
		});
		expect(await accepted(speak({ ...design, instruct: "warm" }, true))).toBe(true);
		expect(await accepted(speak({ ...speech, voice: "alloy", lang: "xx" }))).toBe(true);
	});
});

describe("txt2music", () => {
	it("26: a time signature is a whole number out of 2, 3, 4 and 6", async () => {
		expect(await errorsOf(compose({ ...music, timesignature: "4/4" }))).toEqual({
			timesignature: ["The timesignature field must be an integer."],
		});
		expect(await errorsOf(compose({ ...music, timesignature: 5 }))).toEqual({ timesignature: ["The selected timesignature is invalid."] });
		for (const timesignature of [2, 3, 4, "6"]) expect(await accepted(compose({ ...music, timesignature }))).toBe(true);
	});

	it("15: lyrics may be left out, as the SDK does, and strict asks for them and for mp3", async () => {
		expect(await accepted(compose({ ...music, format: "wav" }))).toBe(true);
		expect(await errorsOf(compose({ ...music, format: "wav" }, true))).toEqual({
			lyrics: ["The lyrics field is required."],
			format: ["The selected format is invalid."],
		});
		expect(await accepted(compose({ ...music, lyrics: "[Instrumental]" }, true))).toBe(true);
	});

	it("duration, steps, guidance and tempo are held to the model's limits", async () => {
		expect(await errorsOf(compose({ ...music, duration: 301, inference_steps: 50, guidance_scale: 7, bpm: 40 }))).toEqual({
			duration: ["The duration field must not be greater than 300."],
			inference_steps: ["The inference steps field must not be greater than 8."],
			guidance_scale: ["The guidance scale field must not be greater than 1."],
			bpm: ["The bpm field must be at least 50."],
		});
		const base = { ...music, model: "AceStep_1_5_Base", duration: 30, inference_steps: 50, guidance_scale: 7, bpm: 120 };
		expect(await accepted(compose(base))).toBe(true);
	});
});
