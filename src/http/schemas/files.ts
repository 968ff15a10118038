import { z } from "@hono/zod-openapi";

export const TTL_MIN_S = 60;
export const TTL_MAX_S = 2_592_000;

export const FileBody = z
	.object({
		id: z.string().openapi({ example: "file_019365f0a1b27c3d8e4f5061728394a5" }),
		name: z.string().nullable().openapi({ description: "As the client called it" }),
		content_type: z.string().openapi({ description: "By its bytes", example: "video/mp4" }),
		size_bytes: z.int(),
		sha256: z.string(),
		created_at: z.iso.datetime(),
		expires_at: z.iso.datetime().openapi({ description: "Until then jobs may name it; those that do keep it" }),
	})
	.openapi("File");

/** A schema of OpenAPI's: to one of zod's the library would bind the body, all of it in memory. */
export const uploadForm = {
	"multipart/form-data": {
		schema: {
			type: "object" as const,
			required: ["file"],
			properties: {
				file: { type: "string" as const, format: "binary", description: "At most `FILE_MAX_MB`" },
				ttl_seconds: { type: "integer" as const, minimum: TTL_MIN_S, maximum: TTL_MAX_S, description: "Else `FILE_TTL_H`" },
			},
		},
	},
};
