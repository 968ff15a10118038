import type { Language } from "./model.ts";

/** Kokoro's, by language; the second letter of a slug tells the gender. */
const spoken: readonly [slug: string, name: string, voices: string][] = [
	[
		"en-us",
		"English (US)",
		"af_alloy af_aoede af_bella af_heart af_jessica af_kore af_nicole af_nova af_river af_sarah af_sky am_adam am_echo am_eric am_fenrir am_liam am_michael am_onyx am_puck am_santa",
	],
	["en-gb", "English (GB)", "bf_alice bf_emma bf_isabella bf_lily bm_daniel bm_fable bm_george bm_lewis"],
	["es", "Spanish", "ef_dora em_alex em_santa"],
	["fr-fr", "French", "ff_siwis"],
	["hi", "Hindi", "hf_alpha hf_beta hm_omega hm_psi"],
	["it", "Italian", "if_sara im_nicola"],
	["pt-br", "Portuguese (BR)", "pf_dora pm_alex pm_santa"],
];

const upper = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

export const kokoro: Language[] = spoken.map(([slug, name, voices]) => ({
	name,
	slug,
	voices: voices.split(" ").map((voice) => ({ name: upper(voice.slice(3)), slug: voice, gender: voice[1] === "f" ? "female" : "male" })),
}));

/** One voice, and the languages that the emulator needs. */
export const chatterbox: Language[] = Object.entries({ en: "English", de: "German", es: "Spanish", fr: "French", it: "Italian" }).map(
	([slug, name]) => ({ name, slug, voices: [{ name: "Default", slug: "default", gender: null }] }),
);

const qwenNames = ["Chinese", "English", "French", "German", "Italian", "Japanese", "Korean", "Portuguese", "Russian", "Spanish"];
/** Languages under their full names; a model that clones or designs its voice has none of its own. */
export const qwen = (voices: readonly string[]): Language[] =>
	qwenNames.map((name) => ({ name, slug: name, voices: voices.map((voice) => ({ name: voice, slug: voice, gender: null })) }));
