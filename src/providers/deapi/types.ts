import { z } from "@hono/zod-openapi";
import type { JobType } from "../provider.ts";

const image = { hooked: { firstMs: 30_000, maxMs: 60_000 }, unhooked: { firstMs: 2000, maxMs: 60_000 } };
const pixels = z.int().min(1).max(8192);

/** Fields and their kinds as deAPI documents them; the ranges belong to each model, and deAPI judges them. */
const txt2img = z
	.strictObject({
		prompt: z.string().min(1).max(65_536),
		negative_prompt: z.string().max(65_536).optional(),
		width: pixels.openapi({ example: 768 }),
		height: pixels.openapi({ example: 768 }),
		steps: z.int().min(1).max(1000).optional(),
		guidance: z.number().min(0).max(1000).optional(),
		seed: z.int().min(-1).optional().openapi({ description: "-1, the default: random" }),
		loras: z
			.array(z.strictObject({ name: z.string().min(1).max(255), weight: z.number().min(0) }))
			.max(20)
			.optional(),
	})
	.openapi("Txt2imgInput");

/** `path` is the route below `/api/v1/client`. */
export const TYPES: Readonly<Record<string, JobType & { path: string }>> = {
	txt2img: { path: "txt2img", input: txt2img, ladder: image },
};
