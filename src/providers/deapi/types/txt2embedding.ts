import { z } from "@hono/zod-openapi";
import { type DeapiType, inline, LADDERS } from "../type.ts";

const MOST_ITEMS = 2048;
const SAY = `must be a text, or a list of 1 to ${MOST_ITEMS} texts`;
const words = z.string().min(1);
/** Tokens are counted by deAPI alone. */
const input = z
	.strictObject({
		input: z.union([words, z.array(words).min(1, SAY).max(MOST_ITEMS, SAY)], SAY),
		return_result_in_response: inline,
	})
	.openapi("Txt2embeddingInput");

export const txt2embedding: DeapiType = {
	path: "txt2embedding",
	input,
	ladder: LADDERS.embedding,
	result: { kind: "text", contentType: "application/json" },
	defaults: {},
	inference: ["txt2embedding"],
	ranged: {},
};
