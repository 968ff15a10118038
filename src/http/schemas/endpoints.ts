import { z } from "@hono/zod-openapi";
import { EVENT_TYPES } from "../../jobs/job.ts";
import { NOTICE_TYPES } from "../../outbound/notices/types.ts";
import { listOf } from "../list.ts";
import { StaticHeaders } from "./endpoint-headers.ts";
import { endpointRules, shownRules } from "./endpoint-rules.ts";
import { overlap, previousSecrets } from "./rotation.ts";

const Secret = z.string().min(32, "must have 32 to 255 characters").max(255, "must have 32 to 255 characters");
const SUBSCRIBABLE = [...EVENT_TYPES, ...NOTICE_TYPES] as const;
const fields = {
	url: z.string().openapi({ example: "https://example.com/hooks/jobs" }),
	description: z.string().max(500).nullable().openapi({ description: "For people; never sent" }),
	event_types: z
		.array(z.enum(SUBSCRIBABLE))
		.min(1)
		.max(SUBSCRIBABLE.length)
		.openapi({ description: `Of jobs; endpoints of the app \`default\` may name ${NOTICE_TYPES.join(", ")}, too` }),
};

export const EndpointCreate = z
	.strictObject({
		url: fields.url,
		description: fields.description.optional(),
		event_types: fields.event_types.optional().openapi({ description: "Without it all of jobs, and no other" }),
		secret: Secret.optional().openapi({ description: "Without it one is made" }),
		headers: StaticHeaders.optional(),
		...endpointRules,
	})
	.openapi("CreateEndpoint");

export const EndpointChange = z
	.strictObject({
		url: fields.url.optional(),
		description: fields.description.optional(),
		event_types: fields.event_types.optional(),
		headers: StaticHeaders.optional(),
		...endpointRules,
	})
	.refine((change) => Object.keys(change).length > 0, {
		message: "must have a field to change",
		when: ({ issues }) => issues.length === 0, // a field that is wrong, or none of these, has been named
	})
	.openapi("ChangeEndpoint");

export const SecretRotate = z
	.strictObject({ secret: Secret.optional().openapi({ description: "Without it one is made" }), overlap_h: overlap })
	.openapi("RotateSecret");

export const EndpointBody = z
	.object({
		id: z.string().openapi({ example: "ep_019365f0a1b27c3d8e4f5061728394a5" }),
		url: z.string(),
		description: z.string().nullable(),
		event_types: z.array(z.string()),
		state: z.enum(["enabled", "disabled"]),
		reason: z.string().nullable().openapi({ description: "Why it is disabled: `by_request`, `http_410`, `receiver_disabled`, `failing`" }),
		failing_since: z.iso.datetime().nullable().openapi({ description: "Since when every attempt has failed" }),
		failures: z.int().openapi({ description: "How many since then" }),
		paused_until: z.iso.datetime().nullable().openapi({ description: "Nothing is sent before" }),
		pause_reason: z.string().nullable().openapi({ description: "Why: `breaker_open`, or the answer that asked for it, e.g. `http_429`" }),
		...shownRules,
		previous_secrets: previousSecrets,
		header_names: z
			.array(z.string())
			.nullable()
			.openapi({ description: "Of its `headers`, in lower case; null when no master key opens them: set them again" }),
		created_at: z.iso.datetime(),
		updated_at: z.iso.datetime(),
	})
	.openapi("Endpoint");
export const EndpointWithSecret = EndpointBody.extend({ secret: z.string().openapi({ description: "Shown once" }) }).openapi(
	"EndpointWithSecret",
);
export const EndpointList = listOf(EndpointBody, "Endpoints");

export const EndpointTested = z
	.object({
		event: z.string().openapi({ description: "The sample's id, as `webhook-id`; it is not recorded" }),
		url: z.string(),
		acknowledged: z.boolean(),
		reason: z.string().openapi({ description: "`acknowledged`, `http_…`, `timeout`, `connect_failed`, …" }),
		status: z.int().nullable(),
		sent_at: z.iso.datetime(),
		duration_ms: z.int(),
		response: z.string().nullable().openapi({ description: "The beginning of the receiver's answer" }),
	})
	.openapi("EndpointTested");
