import { z } from "zod";
import { createLive, type Live } from "../knobs.ts";
import { overlay } from "../patch.ts";

export const hookEvents = ["job.processing", "job.completed", "job.failed"] as const;
export type HookEvent = (typeof hookEvents)[number];

/** The kinds of jobs there are, by endpoint. */
export const jobNames = ["txt2img", "txt2video", "txt2audio", "txt2music", "txt2embedding", "transcribe"] as const;
export type JobName = (typeof jobNames)[number];
export const priceOf = <N extends JobName>(name: N) => `${name}/price-calculation` as const;

/** What a fault can be aimed at: a route, the file behind result_url, or any of them. */
export const callNames = ["balance", "models", ...jobNames, ...jobNames.map((name) => priceOf(name)), "request-status", "result"] as const;
export type CallName = (typeof callNames)[number];

const count = z.int().min(0).max(1_000_000);
const ms = z.number().min(0).max(1e12);

const callFault = z
	.strictObject({
		call: z.enum([...callNames, "*"]),
		/** How many calls it meets. */
		times: z.int().min(1).default(1),
		/** Let the call really happen first and lose only its answer: a submit then makes a job nobody was told of. */
		createFirst: z.boolean().default(false),
		/** Say nothing for so long. Then `status`; without one the real answer (createFirst) or 504. Real time, not scaled. */
		hangMs: ms.optional(),
		status: z.int().min(400).max(599).optional(),
		/** Seconds. A 429 without it says 60, or the time to midnight UTC when `limitType` is daily. */
		retryAfter: z.int().min(1).optional(),
		limitType: z.enum(["minute", "daily"]).default("minute"),
		/** Cut the connection instead of answering. */
		reset: z.boolean().default(false),
	})
	.refine((fault) => fault.reset || fault.status !== undefined || fault.hangMs !== undefined, "one of status, hangMs, reset is needed");
export type CallFault = z.output<typeof callFault>;

const hooks = z.strictObject({
	/** The switch in deAPI's dashboard: `autoDisableAfter` failed attempts in a row turn it off, a patch turns it on again. */
	enabled: z.boolean(),
	autoDisableAfter: z.int().min(1).nullable(),
	/** Lost for good: never sent and never retried. */
	dropEvents: z.array(z.enum(hookEvents)),
	dropNext: count,
	/** Before the first attempt. Real time, not scaled. */
	delayMs: ms,
	/** Every attempt is posted so many times at once. */
	copies: z.int().min(1).max(20),
	/** The final event overtakes job.processing. */
	reorder: z.boolean(),
	sign: z.enum(["right", "wrong", "none"]),
});

const jobs = z.strictObject({
	/** Times of a job, scaled by the time factor. A long processingMs is a job that never ends. */
	pendingMs: ms,
	processingMs: ms,
	/** How many of the jobs submitted next end in error, and what they say. */
	failNext: count,
	errorCode: z.string().min(1),
	errorMessage: z.string(),
});

const plan = z.strictObject({ perMinute: z.int().min(1), perDay: z.int().min(1).nullable() });
/** Null announces the Premium plan and enforces nothing. */
const rateLimit = z.union([z.null(), z.enum(["basic", "premium"]), plan]);
export type RateLimit = z.output<typeof rateLimit>;

const patchSchema = z
	.strictObject({ hooks: hooks.partial(), calls: z.array(callFault).max(100), jobs: jobs.partial(), rateLimit, balance: z.number().min(0) })
	.partial();
export type KnobsPatch = z.input<typeof patchSchema>;

export interface KnobValues {
	hooks: z.output<typeof hooks>;
	/** Used up in order; a fault that has met all its calls is gone. */
	calls: CallFault[];
	jobs: z.output<typeof jobs>;
	rateLimit: RateLimit;
	/** USD; goes down with every job. */
	balance: number;
}

export interface Knobs extends Live<KnobValues> {
	takeDrop(event: HookEvent): boolean;
}

export function createKnobs(initial: KnobsPatch): Knobs {
	const live = createLive(patchSchema, defaults, merge, initial);
	const takeDrop = (event: HookEvent): boolean => {
		const { hooks } = live.now;
		if (hooks.dropEvents.includes(event)) return true;
		if (hooks.dropNext === 0) return false;
		hooks.dropNext--;
		return true;
	};
	return Object.assign(live, { takeDrop });
}

const defaults = (): KnobValues => ({
	hooks: { enabled: true, autoDisableAfter: 10, dropEvents: [], dropNext: 0, delayMs: 0, copies: 1, reorder: false, sign: "right" },
	calls: [],
	jobs: { pendingMs: 300, processingMs: 1500, failNext: 0, errorCode: "PROCESSING_ERROR", errorMessage: "The job could not be processed." },
	rateLimit: null,
	balance: 5, // what a new account is given
});

function merge(old: KnobValues, patch: z.output<typeof patchSchema>): KnobValues {
	return {
		hooks: overlay(old.hooks, patch.hooks),
		calls: patch.calls ?? old.calls,
		jobs: overlay(old.jobs, patch.jobs),
		rateLimit: patch.rateLimit === undefined ? old.rateLimit : patch.rateLimit,
		balance: patch.balance ?? old.balance,
	};
}
