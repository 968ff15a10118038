import { playSound } from "../../sound.ts";
import { always, file, inStrict, integer, model, number, oneOf, optional, type Reader, text } from "../fields.ts";
import { jobType, seedText } from "../job-type.ts";

const beats: Reader<number> = (name, check, required) => {
	const value = check.rules.integer(name, required);
	return value === null || [2, 3, 4, 6].includes(value) ? value : check.rules.refuseChoice(name);
};

const priced = {
	model: always(model),
	duration: always(number({ min: 10, max: 600 })),
	inference_steps: always(integer({ min: 1, max: 100, of: "steps" })),
};

const fields = {
	caption: always(text()),
	...priced,
	lyrics: inStrict(text()),
	guidance_scale: always(number({ min: 0, max: 20, of: "guidance" })),
	seed: always(integer()),
	format: always(oneOf(["mp3", "wav", "flac"], ["mp3"])), // live takes mp3 alone
	bpm: optional(integer({ min: 30, max: 300 })),
	keyscale: optional(text()),
	timesignature: optional(beats),
	vocal_language: optional(text()),
	reference_audio: optional(file(15)),
};

export const txt2music = jobType({
	type: "txt2music",
	fields,
	priceFields: priced,
	/** 0.0009 a minute. */
	cost: ({ duration }) => (0.0009 * duration) / 60,
	result: ({ duration, seed, caption }) => ({
		// WAV whatever `format` asks for: an MP3 in name only would be worse
		extension: "wav",
		contentType: "audio/wav",
		file: (jobId) => playSound({ seconds: duration, sampleRate: 22_050, seed: seedText(seed, caption, jobId) }),
		inline: null,
	}),
});
