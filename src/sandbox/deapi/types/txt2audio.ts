import { playSound } from "../../sound.ts";
import {
	always,
	type Check,
	type Field,
	file,
	integer,
	model,
	number,
	oneAmong,
	oneOf,
	optional,
	type Reader,
	text,
	whenMode,
} from "../fields.ts";
import { jobType } from "../job-type.ts";
import type { Language } from "../model.ts";

/** Whether the live service refuses what a model does not list is not known, so only strict does. */
const isHeld = ({ strict, limited }: Check): boolean => strict && limited;

const listed = (allowed: (languages: Language[]) => string[]): Reader<string> => {
	return (name, check, required) => {
		const value = check.rules.text(name, required);
		const languages = isHeld(check) ? (check.model?.languages ?? null) : null;
		return value === null || languages === null || allowed(languages).includes(value) ? value : check.rules.refuseChoice(name);
	};
};
const language = listed((languages) => languages.flatMap(({ slug, name }) => [slug, name]));
const listedVoice = listed((languages) => languages.flatMap(({ voices }) => voices.map(({ slug }) => slug)));

/** custom_voice is the default mode; the SDK names neither it nor a voice. */
const voice: Field<string | null> = (name, check) => {
	const isCustom = (check.rules.given("mode") ?? "custom_voice") === "custom_voice";
	return isCustom ? listedVoice(name, check, check.strict) : text()(name, check, false);
};

const modes = oneOf(["custom_voice", "voice_clone", "voice_design"]);
const mode: Reader<string> = (name, check, required) => {
	const value = modes(name, check, required);
	const isOffered = value === null || !isHeld(check) || check.model?.info.features[`supports_${value}`] !== false;
	return isOffered ? value : check.rules.refuseChoice(name);
};

const spoken = {
	model: always(model),
	lang: always(language),
	speed: always(number({ min: 0.1 })),
	format: always(oneOf(["mp3", "wav", "flac"])),
	sample_rate: always(integer({ min: 8000, max: 48_000 })),
	mode: optional(mode),
};
const fields = {
	text: always(text()),
	...spoken,
	voice,
	ref_audio: whenMode("voice_clone", file(15)),
	ref_text: optional(text()),
	instruct: whenMode("voice_design", text()),
};
const priceFields = {
	text: oneAmong(["count_text"], text()),
	count_text: optional(integer({ min: 1 })),
	...spoken,
};

export const txt2audio = jobType({
	type: "txt2audio",
	fields,
	priceFields,
	/** 0.77 for a million characters. */
	cost: (values) => 0.77e-6 * (values.text?.length ?? ("count_text" in values ? (values.count_text ?? 0) : 0)),
	result: ({ text: words, speed, sample_rate: sampleRate, voice: speaker }) => ({
		// WAV whatever `format` asks for: an MP3 in name only would be worse
		extension: "wav",
		contentType: "audio/wav",
		file: () => playSound({ seconds: words.length / 15 / speed, sampleRate, seed: `${speaker}:${words}` }),
		inline: null,
	}),
});
