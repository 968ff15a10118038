import { z } from "@hono/zod-openapi";

export const ErrorBody = z
	.object({
		error: z.object({
			code: z.string(),
			message: z.string(),
			request_id: z.string(),
			details: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
		}),
	})
	.openapi("Error");

export const json = <S extends z.ZodType>(schema: S, description: string) => ({ content: { "application/json": { schema } }, description });
export const failure = (description: string) => json(ErrorBody, description);
