import { z } from "@hono/zod-openapi";
import { STATES } from "../../outbound/delivery/read.ts";
import { listOf } from "../list.ts";

export const DeliveryBody = z
	.object({
		id: z.string().openapi({ example: "dlv_019365f0a1b27c3d8e4f506172000001" }),
		job: z.string().nullable().openapi({ description: "Null: of an event for the operator" }),
		event: z.string(),
		event_type: z.string(),
		target: z.string().openapi({ description: "An endpoint's id, or `job` for the job's own `webhook_url`" }),
		url: z.string().nullable(),
		status: z.enum(STATES),
		reason: z.string().nullable().openapi({ description: "Of its status, or of the last attempt" }),
		attempts: z.int(),
		created_at: z.iso.datetime(),
		since: z.iso
			.datetime()
			.nullable()
			.openapi({ description: "Since when it has not arrived: its first failed attempt, or when it was made" }),
		next_at: z.iso.datetime().nullable().openapi({ description: "When it is sent next; null also while an attempt is under way" }),
		waits_for: z.string().nullable().openapi({
			description: "What keeps it beyond its own time: `breaker_open`, the answer that asked for a pause (`http_429`), or `rate`",
		}),
		ended_at: z.iso.datetime().nullable(),
	})
	.openapi("Delivery");

export const DeliveryWithAttempts = DeliveryBody.extend({
	attempt_log: z.array(
		z.object({
			id: z.string(),
			n: z.int().openapi({ description: "From 1; sent as `Jobhook-Attempt`" }),
			outcome: z.enum(["delivered", "failed", "interrupted"]),
			reason: z.string(),
			status: z.int().nullable(),
			started_at: z.iso.datetime(),
			duration_ms: z.int().nullable(),
			response: z.string().nullable(),
			next_at: z.iso.datetime().nullable(),
		}),
	),
}).openapi("DeliveryWithAttempts");
export const DeliveryList = listOf(DeliveryBody, "Deliveries");
