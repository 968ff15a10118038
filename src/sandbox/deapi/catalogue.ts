import type { Limits, Model } from "./model.ts";
import { chatterbox, kokoro, qwen } from "./voices.ts";

type Rest = Partial<Model["info"]> & { languages?: Model["languages"] };

const entry = (
	slug: string,
	name: string,
	types: string[],
	{ limits = {}, features = {}, defaults = {}, languages = null }: Rest = {},
): Model => ({ name, slug, inference_types: types, info: { limits, features, defaults }, loras: null, languages });

const square = (min: number, max: number): Limits => ({ min_width: min, max_width: max, min_height: min, max_height: max });
const grid = (min: number, max: number, step: number): Limits => ({ ...square(min, max), resolution_step: step });

const image = (limits: Limits, steps: number, negative: boolean): Rest => ({
	limits,
	features: { supports_guidance: false, supports_steps: true, supports_negative_prompt: negative, supports_custom_output_size: true },
	defaults: { width: 768, height: 768, steps },
});

const ltx2: Rest = {
	limits: { ...square(512, 1024), min_fps: 24, max_fps: 24, min_frames: 49, max_frames: 241 },
	features: { supports_guidance: false, supports_steps: false, supports_negative_prompt: false, supports_last_frame: true },
	defaults: { width: 768, height: 768, fps: 24, frames: 120, steps: 8, guidance: 1 },
};

const speech = (min: number, max: number, speed: [min: number, max: number], mode: string, languages: Model["languages"]): Rest => ({
	limits: { min_text: min, max_text: max, min_speed: speed[0], max_speed: speed[1] },
	features: Object.fromEntries(["custom_voice", "voice_clone", "voice_design"].map((one) => [`supports_${one}`, one === mode])),
	defaults: { speed: 1, ...firstVoice(languages), format: "mp3" },
	languages,
});

/** English comes first where there is a choice. */
function firstVoice(languages: Model["languages"]): { lang?: string; voice?: string } {
	const language = languages?.find(({ name }) => name.startsWith("English"));
	const voice = language?.voices[0]?.slug;
	return { ...(language && { lang: language.slug }), ...(voice !== undefined && { voice }) };
}

const music = (
	minSeconds: number,
	steps: [min: number, max: number],
	guidance: [min: number, max: number],
	defaultSteps: number,
): Rest => ({
	limits: {
		min_duration: minSeconds,
		max_duration: 300,
		min_bpm: 50,
		max_bpm: 200,
		min_steps: steps[0],
		max_steps: steps[1],
		min_guidance: guidance[0],
		max_guidance: guidance[1],
	},
	defaults: { steps: defaultSteps, guidance: guidance[0], format: "mp3" },
});

const transcribes = ["video2text", "audio2text", "video_file2text", "audio_file2text"];
const films = ["txt2video", "img2video", "audio2video"];
const qwenVoices = ["Vivian", "Serena", "Ryan", "Aiden", "Dylan", "Eric", "Sohee", "Ono_Anna", "Uncle_Fu"];

/** Types without a route here are listed so that filters and "does not support …" can be tried. */
export const catalogue: readonly Model[] = [
	entry("Flux1schnell", "FLUX.1 Schnell 12B NF4", ["txt2img"], image({ ...grid(256, 2048, 128), min_steps: 1, max_steps: 10 }, 4, true)),
	entry(
		"Flux_2_Klein_4B_BF16",
		"FLUX.2 Klein 4B BF16",
		["txt2img", "img2img"],
		image({ ...grid(256, 1536, 16), min_steps: 4, max_steps: 4 }, 4, false),
	),
	entry("ZImageTurbo_INT8", "Z-Image Turbo INT8", ["txt2img"], image({ ...grid(256, 2048, 16), min_steps: 1, max_steps: 50 }, 8, false)),
	entry("Ltxv_13B_0_9_8_Distilled_FP8", "LTX-Video-0.9.8 13B", ["txt2video", "img2video"], {
		limits: { ...square(256, 768), min_fps: 30, max_fps: 30, min_frames: 30, max_frames: 120, min_steps: 1, max_steps: 1 },
		features: { supports_guidance: false, supports_steps: true, supports_negative_prompt: true, supports_last_frame: true },
		defaults: { width: 512, height: 512, fps: 30, frames: 120, steps: 1, guidance: 0 },
	}),
	entry("Ltx2_3_22B_Dist_INT8", "LTX-2.3 22B Distilled INT8", films, ltx2),
	entry("Ltx2_19B_Dist_FP8", "LTX-2 19B Distilled FP8", films, ltx2),
	entry("Kokoro", "Kokoro", ["txt2audio"], speech(3, 10_001, [0.5, 2], "custom_voice", kokoro)),
	entry("Chatterbox", "Chatterbox", ["txt2audio"], speech(10, 2000, [1, 1], "custom_voice", chatterbox)),
	entry(
		"Qwen3_TTS_12Hz_1_7B_CustomVoice",
		"Qwen3 TTS 12Hz 1.7B CustomVoice",
		["txt2audio"],
		speech(10, 5000, [1, 1], "custom_voice", qwen(qwenVoices)),
	),
	entry("Qwen3_TTS_12Hz_1_7B_Base", "Qwen3 TTS 12Hz 1.7B Base", ["txt2audio"], speech(10, 5000, [1, 1], "voice_clone", qwen([]))),
	entry(
		"Qwen3_TTS_12Hz_1_7B_VoiceDesign",
		"Qwen3 TTS 12Hz 1.7B VoiceDesign",
		["txt2audio"],
		speech(10, 5000, [1, 1], "voice_design", qwen([])),
	),
	entry("AceStep_1_5_Turbo", "ACE-Step 1.5 Turbo", ["txt2music"], music(10, [8, 8], [1, 1], 8)),
	entry("AceStep_1_5_XL_Turbo_INT8", "ACE-Step 1.5 XL Turbo INT8", ["txt2music"], music(10, [8, 8], [1, 1], 8)),
	entry("AceStep_1_5_Base", "ACE-Step 1.5 Base", ["txt2music"], music(30, [5, 100], [3, 20], 32)),
	entry("Bge_M3_FP16", "BGE M3 FP16", ["txt2embedding"], { limits: { max_input_tokens: 8192, max_total_tokens: 300_000 } }),
	entry("WhisperLargeV3", "Whisper Large V3", transcribes),
	entry("WhisperLargeV3Ct2", "Whisper Large V3 CT2", transcribes),
	entry("RealESRGAN_Vid_x2", "RealESRGAN Video x2", ["vid-upscale"]),
];
