import { z } from "zod";
import { createLive, type Live } from "../knobs.ts";
import { overlay } from "../patch.ts";

/** What a fault can be aimed at. */
export const callNames = ["submit", "status", "content", "generate", "tokens", "files", "quota", "resolve"] as const;
export type CallName = (typeof callNames)[number];

const count = z.int().min(0).max(1_000_000);
const ms = z.number().min(0).max(1e12);
const bytes = z
	.int()
	.min(0)
	.max(2 ** 40);

const callFault = z
	.strictObject({
		call: z.enum([...callNames, "*"]),
		/** How many calls it meets. */
		times: z.int().min(1).default(1),
		/** Let the call really happen first and lose only its answer: a submit then makes a job nobody was told of. */
		createFirst: z.boolean().default(false),
		/** Say nothing for so long. Then `status`; without one the real answer (createFirst, body) or 504. Real time, not scaled. */
		hangMs: ms.optional(),
		status: z.int().min(200).max(599).optional(),
		/** Seconds. A 429 without it says 60. */
		retryAfter: z.int().min(0).optional(),
		/** The answer's body instead of Decart's JSON, as some edge's HTML. */
		text: z.string().max(100_000).optional(),
		/** Cut the connection instead of answering. */
		reset: z.boolean().default(false),
		/**
		 * What happens to the bytes of content and generate. `cut`: half of what was declared, then the connection ends;
		 * `stall`: half, then silence; `longer`: twice as much as declared; `endless`: no length, and no end.
		 */
		body: z.enum(["cut", "stall", "longer", "endless"]).optional(),
	})
	.refine(
		({ reset, status, hangMs, text, body }) => reset || [status, hangMs, text, body].some((one) => one !== undefined),
		"one of status, hangMs, reset, text, body is needed",
	);
export type CallFault = z.output<typeof callFault>;
export type BodyFault = NonNullable<CallFault["body"]>;

const jobs = z.strictObject({
	/** Times of a job, scaled by the time factor. */
	pendingMs: ms,
	processingMs: ms,
	/** It stays in processing, until the deadline. */
	stuck: z.boolean(),
	/** A job fails this long after its submit, scaled; null = never. */
	deadlineMs: ms.nullable(),
	/** How many of the jobs submitted next fail. A prompt with `[fail]` in it does so too. */
	failNext: count,
	/** What status answers instead of the real word. */
	statusWord: z.string().min(1).nullable(),
	/** How long generate takes, scaled. */
	generateMs: ms,
});

const content = z.strictObject({
	/** Files are padded to so many bytes, which are never all in memory; null = as they are. */
	sizeBytes: bytes.nullable(),
	chunkBytes: z
		.int()
		.min(1)
		.max(2 ** 24),
	/** Between two chunks. Real time, not scaled. */
	slowMs: ms,
});

const quota = z.strictObject({ limit: count.nullable(), active: count.nullable() });

const singles = z.strictObject({
	/** Used up in order; a fault that has met all its calls is gone. */
	calls: z.array(callFault).max(100),
	/** Per key and route; null = none, as nothing of the kind is published. */
	rateLimit: z.strictObject({ perMinute: z.int().min(1) }).nullable(),
	/** Characters. */
	promptMax: z.int().min(1),
	/** Bytes of one upload to the Files API. */
	fileMaxBytes: bytes,
	/** Retired models are served too. */
	legacy: z.boolean(),
	/** Moves aliases: `{"lucy-vton-latest": "lucy-vton-3.5"}`. */
	aliases: z.record(z.string(), z.string()),
	/** The status of a call without a key: both were seen. */
	missingKey: z.union([z.literal(401), z.literal(422)]),
});

const patchSchema = singles.extend({ jobs: jobs.partial(), content: content.partial(), quota: quota.partial() }).partial();
export type KnobsPatch = z.input<typeof patchSchema>;

export interface KnobValues extends z.output<typeof singles> {
	jobs: z.output<typeof jobs>;
	content: z.output<typeof content>;
	quota: z.output<typeof quota>;
}

export type Knobs = Live<KnobValues>;

export const createKnobs = (initial: KnobsPatch): Knobs => createLive(patchSchema, defaults, merge, initial);

const defaults = (): KnobValues => ({
	jobs: { pendingMs: 300, processingMs: 1500, stuck: false, deadlineMs: 600_000, failNext: 0, statusWord: null, generateMs: 0 },
	content: { sizeBytes: null, chunkBytes: 65_536, slowMs: 0 },
	calls: [],
	rateLimit: null,
	quota: { limit: null, active: null },
	promptMax: 1000,
	fileMaxBytes: 64 * 1024 * 1024,
	legacy: true,
	aliases: {},
	missingKey: 401,
});

function merge(old: KnobValues, { jobs, content, quota, ...rest }: z.output<typeof patchSchema>): KnobValues {
	const groups = { jobs: overlay(old.jobs, jobs), content: overlay(old.content, content), quota: overlay(old.quota, quota) };
	return { ...overlay(old, rest), ...groups };
}
