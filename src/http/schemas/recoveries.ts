import { z } from "@hono/zod-openapi";
import { isoTime, listOf } from "../list.ts";

const time = (description: string) =>
	isoTime().openapi({ type: "string", format: "date-time", description, example: "2026-01-15T10:30:45Z" });

export const RecoveryCreate = z
	.strictObject({
		since: time("Of deliveries made at this time or later"),
		until: time("Made before this time; without it, or where it is ahead, before now").optional(),
		dry_run: z.boolean().optional().openapi({ description: "Counts, and changes nothing" }),
	})
	.openapi("Recover");

const range = {
	endpoint: z.string().openapi({ example: "ep_019365f0a1b27c3d8e4f5061728394a5" }),
	since: z.iso.datetime(),
	until: z.iso.datetime(),
	total: z.int().openapi({ description: "What there was to recover when it was asked for; beside work under way an approximation" }),
};
export const RecoveryCount = z.object(range).openapi("RecoveryCount");
export const RecoveryBody = z
	.object({
		id: z.string().openapi({ example: "rec_019365f0a1b27c3d8e4f5061728394a5" }),
		...range,
		state: z.enum(["running", "finished", "canceled"]),
		recovered: z.int().openapi({ description: "Due again so far; whether they have arrived say the deliveries" }),
		created_at: z.iso.datetime(),
		ended_at: z.iso.datetime().nullable(),
	})
	.openapi("Recovery");
export const RecoveryList = listOf(RecoveryBody, "Recoveries");
