import fc from "fast-check";

/** How the provider's answer to our next sends turns out. After all but the first group the provider has the job. */
export const OUTCOMES = [
	"429",
	"503",
	"not connected",
	"401",
	"refused",
	"lost on its way",
	"accepted",
	"500",
	"timeout",
	"no id",
	"slow",
	"crash",
] as const;
export type Outcome = (typeof OUTCOMES)[number];
/** After these the provider has no job, for certain: only these may be followed by another send. */
export const NOT_TAKEN: readonly Outcome[] = ["429", "503", "not connected", "401"];

export const POLLS = ["well", "500", "404", "timeout", "429", "nonsense"] as const;
export type PollAnswer = (typeof POLLS)[number];

/** What befalls one of the hooks that the provider has sent so far: they wait, so any order is possible. */
export const FATES = ["arrives", "three copies", "forged", "unsigned", "too old", "at the account", "at another job"] as const;
export type Fate = (typeof FATES)[number];

export type Step =
	| { do: "submit"; callback: "none" | "own" | "endpoint's" }
	| { do: "send"; outcome: Outcome }
	/** The oldest slow answer comes in. */
	| { do: "answer" }
	| { do: "hook"; pick: number; fate: Fate }
	/** The provider says something else about a job than it did. */
	| { do: "contradict"; pick: number; event: string }
	| { do: "poll"; answer: PollAnswer; ms: number }
	| { do: "time"; ms: number }
	| { do: "crash"; claimed: boolean }
	| { do: "receiver"; status: number }
	| { do: "cancel"; pick: number; forget: boolean }
	/** For `attach`, the id comes from one of the hooks so far. */
	| { do: "resolve"; pick: number; action: ResolveAction };

export const RESOLVE_ACTIONS = ["attach", "resubmit", "fail"] as const;
export type ResolveAction = (typeof RESOLVE_ACTIONS)[number];

const record = <S extends Step>(shape: { [K in keyof S]: fc.Arbitrary<S[K]> }) => fc.record(shape) as unknown as fc.Arbitrary<Step>;
const one = <const T>(value: T) => fc.constant(value);
const pick = fc.nat(7);
/** Around what matters: the next hook, the first poll, a lease, a pause, ten minutes, hours. */
const ms = fc.constantFrom(1, 400, 2000, 5500, 30_000, 45_000, 85_000, 90_000, 600_000, 7_200_000);
const submit = record<Extract<Step, { do: "submit" }>>({ do: one("submit"), callback: fc.constantFrom("none", "own", "endpoint's") });

const step: fc.Arbitrary<Step> = fc.oneof(
	{ weight: 1, arbitrary: submit },
	{ weight: 4, arbitrary: record<Extract<Step, { do: "send" }>>({ do: one("send"), outcome: fc.constantFrom(...OUTCOMES) }) },
	{ weight: 1, arbitrary: one<Step>({ do: "answer" }) },
	{ weight: 5, arbitrary: record<Extract<Step, { do: "hook" }>>({ do: one("hook"), pick, fate: fc.constantFrom(...FATES) }) },
	{
		weight: 2,
		arbitrary: record<Extract<Step, { do: "contradict" }>>({
			do: one("contradict"),
			pick,
			event: fc.constantFrom("job.processing", "job.completed", "job.failed", "job.paused"),
		}),
	},
	{ weight: 1, arbitrary: record<Extract<Step, { do: "poll" }>>({ do: one("poll"), answer: fc.constantFrom(...POLLS), ms }) },
	{ weight: 4, arbitrary: record<Extract<Step, { do: "time" }>>({ do: one("time"), ms }) },
	{ weight: 1, arbitrary: record<Extract<Step, { do: "crash" }>>({ do: one("crash"), claimed: fc.boolean() }) },
	{ weight: 1, arbitrary: record<Extract<Step, { do: "cancel" }>>({ do: one("cancel"), pick, forget: fc.boolean() }) },
	{
		weight: 2,
		arbitrary: record<Extract<Step, { do: "resolve" }>>({ do: one("resolve"), pick, action: fc.constantFrom(...RESOLVE_ACTIONS) }),
	},
	{ weight: 1, arbitrary: record<Extract<Step, { do: "receiver" }>>({ do: one("receiver"), status: fc.constantFrom(200, 500, 429) }) },
);

/** A life of one to three jobs. */
export const lives: fc.Arbitrary<Step[]> = fc.tuple(submit, fc.array(step, { maxLength: 14 })).map(([first, rest]) => [first, ...rest]);
