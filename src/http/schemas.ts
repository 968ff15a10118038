import { z } from "@hono/zod-openapi";
import { EVENT_TYPES } from "../jobs/job.ts";
import { PROVIDERS } from "../providers/index.ts";

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

const METADATA_MAX_BYTES = 16_384;
const Metadata = z
	.record(z.string(), z.unknown())
	.refine((value) => JSON.stringify(value).length <= METADATA_MAX_BYTES, `must have at most ${METADATA_MAX_BYTES} characters as JSON`);

const callback = {
	webhook_url: z
		.string()
		.optional()
		.openapi({ description: "Where this job's events are posted", example: "https://example.com/hooks/jobs" }),
	webhook_secret: z.string().min(32).max(255).optional().openapi({ description: "Signs them; without one the app's callback secret does" }),
	webhook_events: z.array(z.enum(EVENT_TYPES)).min(1).optional().openapi({ description: "Which of them; without it all" }),
	metadata: Metadata.optional().openapi({ description: "Comes back in the job and in every event" }),
};

/** One variant for each type of each provider, from the providers' own table. */
const variants = Object.values(PROVIDERS).flatMap(({ name, types }) =>
	Object.entries(types).map(([type, { input }]) =>
		z.strictObject({
			provider: z.literal(name),
			type: z.literal(type),
			model: z.string().min(1).max(255).openapi({ example: "Flux1schnell" }),
			input,
			...callback,
		}),
	),
);
const [first, ...others] = variants;
if (first === undefined) throw new Error("no job types");
export const SubmitBody = z.discriminatedUnion("type", [first, ...others]).openapi("SubmitJob");

export const JobBody = z
	.object({
		id: z.string().openapi({ example: "job_019365f0a1b27c3d8e4f5061728394a5" }),
		state: z.enum(["queued", "submitted", "processing", "completed", "failed", "canceled"]),
		provider: z.string(),
		type: z.string(),
		model: z.string(),
		input: z.record(z.string(), z.unknown()),
		metadata: z.record(z.string(), z.unknown()).nullable(),
		webhook_url: z.string().nullable(),
		webhook_events: z.array(z.string()).nullable(),
		revision: z.int().openapi({ description: "How many events it has had" }),
		result_url: z.string().nullable(),
		error: z.object({ code: z.string(), message: z.string() }).nullable(),
		created_at: z.iso.datetime(),
		started_at: z.iso.datetime().nullable(),
		ended_at: z.iso.datetime().nullable(),
	})
	.openapi("Job");

export const TimelineBody = z
	.object({
		data: z.array(
			z.looseObject({
				at: z.iso.datetime(),
				kind: z.enum(["job", "submission", "hook", "poll", "event", "delivery", "attempt"]),
				what: z.string(),
			}),
		),
		next_cursor: z.null(),
	})
	.openapi("Timeline");

export const EndpointCreate = z
	.strictObject({
		url: z.string().openapi({ example: "https://example.com/hooks/jobs" }),
		event_types: z.array(z.enum(EVENT_TYPES)).min(1).optional().openapi({ description: "Without it all" }),
		secret: z.string().min(32).max(255).optional().openapi({ description: "Without it one is made" }),
	})
	.openapi("CreateEndpoint");

export const EndpointBody = z
	.object({
		id: z.string(),
		url: z.string(),
		event_types: z.array(z.string()),
		state: z.enum(["enabled", "disabled"]),
		reason: z.string().nullable(),
		created_at: z.iso.datetime(),
		updated_at: z.iso.datetime(),
	})
	.openapi("Endpoint");
export const EndpointCreated = EndpointBody.extend({ secret: z.string().openapi({ description: "Shown once" }) }).openapi(
	"CreatedEndpoint",
);

export const json = <S extends z.ZodType>(schema: S, description: string) => ({ content: { "application/json": { schema } }, description });
export const failure = (description: string) => json(ErrorBody, description);
