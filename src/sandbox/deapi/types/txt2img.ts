import { drawPicture } from "../../picture.ts";
import { always, inStrict, integer, loras, model, number, optional, orDefault, side, text } from "../fields.ts";
import { jobType, seedText } from "../job-type.ts";

const fields = {
	prompt: always(text()),
	negative_prompt: optional(text()),
	model: always(model),
	loras: optional(loras),
	width: always(side),
	height: always(side),
	guidance: inStrict(number({ min: 0 })), // none of these models uses it
	steps: orDefault(integer({ min: 1 }), 1),
	seed: always(integer()),
};

export const txt2img = jobType({
	type: "txt2img",
	fields,
	priceFields: fields,
	/** A line through the two known prices: about 0.0017 for 512² and 0.0037 for 1024², four steps each. */
	cost: ({ width, height, steps }) => 0.0011 + (2.5e-9 * width * height * steps) / 4,
	result: ({ width, height, seed, prompt }) => ({
		extension: "png",
		contentType: "image/png",
		file: (jobId) => drawPicture({ width, height, seed: seedText(seed, prompt, jobId) }),
		inline: null,
	}),
});
