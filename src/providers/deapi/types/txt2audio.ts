import { z } from "@hono/zod-openapi";
import { type DeapiType, LADDERS, text } from "../type.ts";

/** Without `voice_clone`, which needs a file. */
const input = z
	.strictObject({
		text: text(),
		lang: text(255).openapi({ example: "en-us" }),
		speed: z.number().min(0.1).max(10),
		format: z.enum(["mp3", "wav", "flac"]),
		sample_rate: z.int().min(8000).max(48_000),
		mode: z.enum(["custom_voice", "voice_design"], "must be custom_voice or voice_design; voice_clone needs a file").optional(),
		voice: text(255).optional().openapi({ example: "af_sky" }),
		instruct: text().optional().openapi({ description: "The voice in words, for `voice_design`" }),
	})
	.refine((value) => value.mode !== "voice_design" || value.instruct !== undefined, {
		path: ["instruct"],
		message: "is needed when mode is voice_design",
	})
	.openapi("Txt2audioInput");

export const txt2audio: DeapiType = {
	path: "txt2audio",
	input,
	ladder: LADDERS.audio,
	result: { kind: "link" },
	defaults: {},
	inference: ["txt2audio"],
	ranged: { text: "text", speed: "speed" },
};
