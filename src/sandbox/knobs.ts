import type { z } from "zod";
import { problems } from "./patch.ts";

interface Turned {
	/** Used up in order; a fault that has met all its calls is gone. */
	calls: { call: string; times: number }[];
	jobs: { failNext: number };
}

/** Live state: counters in it go down as they are used. */
export interface Live<Values extends Turned> {
	readonly now: Values;
	/** Sets what the patch names; returns what is wrong with it, and then nothing was set. */
	patch(patch: unknown): string[];
	/** Back to how the sandbox was started. */
	reset(): void;
	/** The next fault that is aimed at this call, or at any. */
	takeFault(call: string): Values["calls"][number] | null;
	takeFailure(): boolean;
}

/** Knobs that stand at `defaults`, and at what `initial` names of them. */
export function createLive<Values extends Turned, Schema extends z.ZodType>(
	schema: Schema,
	defaults: () => Values,
	merge: (old: Values, patch: z.output<Schema>) => Values,
	initial: z.input<Schema>,
): Live<Values> {
	const start = () => merge(defaults(), schema.parse(initial));
	let now = start();
	return {
		get now() {
			return now;
		},
		patch(patch) {
			const parsed = schema.safeParse(patch);
			if (parsed.success) now = merge(now, parsed.data);
			return parsed.success ? [] : problems(parsed.error.issues);
		},
		reset() {
			now = start();
		},
		takeFault(call) {
			const fault = now.calls.find((candidate) => candidate.call === call || candidate.call === "*");
			if (fault === undefined) return null;
			fault.times--;
			if (fault.times === 0) now.calls = now.calls.filter((candidate) => candidate !== fault);
			return fault;
		},
		takeFailure() {
			if (now.jobs.failNext === 0) return false;
			now.jobs.failNext--;
			return true;
		},
	};
}
