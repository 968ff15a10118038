import { z } from "@hono/zod-openapi";
import { EVENT_TYPES } from "../../jobs/job.ts";
import { PROVIDERS } from "../../providers/index.ts";
import type { Provider } from "../../providers/provider.ts";
import { listOf } from "../list.ts";

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
	webhook_events: z
		.array(z.enum(EVENT_TYPES))
		.min(1)
		.max(EVENT_TYPES.length)
		.optional()
		.openapi({ description: "Which of them; without it all" }),
	metadata: Metadata.optional().openapi({ description: "Comes back in the job and in every event" }),
};

/** One variant for each type of each provider, from the providers' own table. */
function byType<More extends z.ZodRawShape>(providers: readonly Provider[], more: More) {
	const variants = providers.flatMap(({ name, types }) =>
		Object.entries(types).map(([type, { input }]) =>
			z.strictObject({
				provider: z.literal(name),
				type: z.literal(type),
				model: z.string().min(1).max(255).openapi({ example: "Flux1schnell" }),
				input,
				...more,
			}),
		),
	);
	const [first, ...others] = variants;
	if (first === undefined) throw new Error("no job types");
	return z.discriminatedUnion("type", [first, ...others]);
}
export const SubmitBody = byType(Object.values(PROVIDERS), callback).openapi("SubmitJob");
export const PriceBody = byType(
	Object.values(PROVIDERS).filter(({ price }) => price !== null),
	{},
).openapi("PriceJob");
export const JOB_TYPES = [...new Set(Object.values(PROVIDERS).flatMap(({ types }) => Object.keys(types)))];

export const JobState = z.enum(["queued", "submitted", "processing", "completed", "failed", "canceled"]);

export const JobBody = z
	.object({
		id: z.string().openapi({ example: "job_019365f0a1b27c3d8e4f5061728394a5" }),
		state: JobState,
		provider: z.string(),
		type: z.string(),
		model: z.string(),
		input: z
			.record(z.string(), z.unknown())
			.nullable()
			.openapi({ description: "As it was submitted; null only where it is large and cannot be read now" }),
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
export const JobList = listOf(JobBody.omit({ input: true }).openapi("ListedJob"), "Jobs");

export const Resolution = z
	.discriminatedUnion("action", [
		z.strictObject({
			action: z.literal("attach"),
			provider_job_id: z.string().min(1).max(255).openapi({ description: "The provider's own id of the job" }),
		}),
		z.strictObject({ action: z.literal("resubmit") }),
		z.strictObject({ action: z.literal("fail") }),
	])
	.openapi("ResolveJob");

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
