import { z } from "@hono/zod-openapi";
import { type DeapiType, LADDERS, pixels, RANDOM, SIZE, seed, text } from "../type.ts";

const input = z
	.strictObject({
		prompt: text(),
		negative_prompt: z.string().max(65_536).optional(),
		width: pixels.openapi({ example: 768 }),
		height: pixels.openapi({ example: 768 }),
		steps: z.int().min(1).max(1000).optional(),
		guidance: z.number().min(0).max(1000).optional(),
		seed,
		loras: z
			.array(z.strictObject({ name: z.string().min(1).max(255), weight: z.number().min(0) }))
			.max(20)
			.optional(),
	})
	.openapi("Txt2imgInput");

export const txt2img: DeapiType = {
	path: "txt2img",
	input,
	ladder: LADDERS.image,
	result: { kind: "link" },
	defaults: RANDOM,
	inference: ["txt2img"],
	ranged: { ...SIZE, steps: "steps", guidance: "guidance" },
};
