import { z } from "@hono/zod-openapi";
import { type DeapiType, inline, LADDERS } from "../type.ts";

const input = z
	.strictObject({
		source_url: z
			.url({ protocol: /^https?$/, error: "must be an http(s) URL" })
			.max(2048)
			.openapi({ description: "YouTube, X, Twitch, Kick or TikTok", example: "https://www.youtube.com/watch?v=jNQXAC9IVRw" }),
		include_ts: z.boolean().openapi({ description: "With timestamps" }),
		return_result_in_response: inline,
	})
	.openapi("TranscribeInput");

export const transcribe: DeapiType = {
	path: "transcribe",
	input,
	ladder: LADDERS.words,
	result: { kind: "text", contentType: "text/plain; charset=utf-8" },
	defaults: {},
	inference: ["video2text", "audio2text", "transcribe", "vid2txt", "aud2txt"],
	ranged: {},
};
