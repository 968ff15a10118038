import { z } from "@hono/zod-openapi";
import { type DeapiType, LADDERS, pixels, RANDOM, SIZE, seed, text } from "../type.ts";

const input = z
	.strictObject({
		prompt: text(),
		negative_prompt: z.string().max(65_536).optional(),
		width: pixels.openapi({ example: 512 }),
		height: pixels.openapi({ example: 512 }),
		steps: z.int().min(1).max(1000),
		frames: z.int().min(1).max(100_000).openapi({ example: 120 }),
		fps: z.int().min(1).max(1000).openapi({ example: 30 }),
		guidance: z.number().min(0).max(1000).optional(),
		seed,
	})
	.openapi("Txt2videoInput");

export const txt2video: DeapiType = {
	path: "txt2video",
	input,
	ladder: LADDERS.video,
	result: { kind: "link" },
	defaults: RANDOM,
	inference: ["txt2video"],
	ranged: { ...SIZE, steps: "steps", frames: "frames", fps: "fps", guidance: "guidance" },
};
