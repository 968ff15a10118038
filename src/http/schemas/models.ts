import { z } from "@hono/zod-openapi";

const Range = z.object({ min: z.number().optional(), max: z.number().optional() });

export const ModelBody = z
	.object({
		provider: z.string(),
		model: z.string().openapi({ description: "As jobs name it", example: "Flux1schnell" }),
		name: z.string(),
		types: z.array(z.string()),
		limits: z
			.record(z.string(), z.record(z.string(), Range))
			.openapi({ description: "For each type, of the input's fields: numbers, or lengths of texts" }),
		features: z.record(z.string(), z.unknown()),
		defaults: z.record(z.string(), z.unknown()),
		languages: z.array(z.unknown()).nullable(),
	})
	.openapi("Model");
export const ModelList = z
	.object({
		data: z.array(ModelBody),
		stale: z.boolean().openapi({ description: "The provider does not answer, and this is what it said last" }),
		read_at: z.iso.datetime(),
		next_cursor: z.null(),
	})
	.openapi("Models");
export const Price = z
	.object({ provider: z.string(), type: z.string(), model: z.string(), price: z.number(), currency: z.literal("USD") })
	.openapi("Price");
