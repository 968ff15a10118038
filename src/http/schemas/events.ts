import { z } from "@hono/zod-openapi";
import { listOf } from "../list.ts";

export const EventBody = z
	.object({
		id: z.string().openapi({ example: "evt_019365f0a1b27c3d8e4f5061728394a5", description: "The `webhook-id` of its callbacks" }),
		type: z.string(),
		job: z.string().nullable().openapi({ description: "Null: an event for the operator, which its body explains" }),
		revision: z.int(),
		created_at: z.iso.datetime(),
	})
	.openapi("Event");
export const EventWithBody = EventBody.extend({
	body: z
		.record(z.string(), z.unknown())
		.nullable()
		.openapi({ description: "What its callbacks carry; null once it is not kept any more" }),
}).openapi("EventWithBody");
export const EventList = listOf(EventBody, "Events");
