import { answer } from "../../support/world.ts";

/** The smallest job of each type that deAPI takes as JSON. */
export const EXAMPLES: Record<string, { type: string; model: string; input: Record<string, unknown> }> = {
	txt2img: { type: "txt2img", model: "Flux1schnell", input: { prompt: "a red fox", width: 512, height: 512 } },
	txt2video: {
		type: "txt2video",
		model: "Ltxv_13B_0_9_8_Distilled_FP8",
		input: { prompt: "a red fox runs", width: 512, height: 512, steps: 1, frames: 30, fps: 30 },
	},
	txt2audio: {
		type: "txt2audio",
		model: "Kokoro",
		input: { text: "good morning", lang: "en-us", speed: 1, format: "mp3", sample_rate: 24_000 },
	},
	txt2music: {
		type: "txt2music",
		model: "AceStep_1_5_Turbo",
		input: {
			caption: "slow piano",
			lyrics: "[Instrumental]",
			duration: 10,
			inference_steps: 8,
			guidance_scale: 1,
			format: "mp3",
			timesignature: 4,
		},
	},
	txt2embedding: { type: "txt2embedding", model: "Bge_M3_FP16", input: { input: ["one", "two"] } },
	transcribe: {
		type: "transcribe",
		model: "WhisperLargeV3",
		input: { source_url: "https://www.youtube.com/watch?v=jNQXAC9IVRw", include_ts: false },
	},
};
export const TRANSCRIPT = "This is the sandbox. It did not listen to https://www.youtube.com/watch?v=jNQXAC9IVRw.";

/** An answer of request-status about a job that is done, with its result in it or behind a link. */
export const done = (result: unknown, link: string | null = "https://storage.deapi.ai/r/a.txt") =>
	answer(200, {}, JSON.stringify({ data: { status: "done", progress: 100, result_url: link, result } }));
