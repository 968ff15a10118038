import { z } from "@hono/zod-openapi";
import { type DeapiType, LADDERS, RANDOM, seed, text } from "../type.ts";

const input = z
	.strictObject({
		caption: text(),
		lyrics: text().openapi({ description: "`[Instrumental]` for none" }),
		duration: z.number().min(10).max(600).openapi({ description: "Seconds" }),
		inference_steps: z.int().min(1).max(100),
		guidance_scale: z.number().min(0).max(20),
		format: z.enum(["mp3", "wav", "flac"]),
		seed,
		bpm: z.int().min(30).max(300).optional(),
		keyscale: text(255).optional(),
		timesignature: z.union([z.literal(2), z.literal(3), z.literal(4), z.literal(6)], "must be 2, 3, 4 or 6").optional(),
		vocal_language: text(255).optional(),
	})
	.openapi("Txt2musicInput");

export const txt2music: DeapiType = {
	path: "txt2music",
	input,
	ladder: LADDERS.audio,
	result: { kind: "link" },
	defaults: RANDOM,
	inference: ["txt2music"],
	ranged: { caption: "caption", duration: "duration", inference_steps: "steps", guidance_scale: "guidance", bpm: "bpm" },
};
