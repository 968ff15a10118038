import { filmClip } from "../../video.ts";
import { always, inStrict, integer, model, number, optional, orDefault, side, text } from "../fields.ts";
import { jobType, seedText } from "../job-type.ts";

const priced = {
	model: always(model),
	width: always(side),
	height: always(side),
	steps: always(integer({ min: 1 })),
	frames: always(integer({ min: 1 })),
	fps: orDefault(integer({ min: 1 }), 24),
};

const fields = {
	prompt: always(text()),
	negative_prompt: optional(text()),
	...priced,
	guidance: inStrict(number({ min: 0 })),
	seed: always(integer()),
};

export const txt2video = jobType({
	type: "txt2video",
	fields,
	priceFields: priced,
	/** 0.0056 for four seconds of 512². */
	cost: ({ width, height, frames, fps }) => (0.0014 * (width * height * frames)) / (fps * 512 * 512),
	result: ({ width, height, frames, fps, seed, prompt }) => ({
		extension: "mp4",
		contentType: "video/mp4",
		file: (jobId) => filmClip({ width, height, frames, fps, seed: seedText(seed, prompt, jobId) }),
		inline: null,
	}),
});
