import type { z } from "zod";

/** `undefined` in a patch means "not named", not "unset". */
export function overlay<T extends object>(old: T, patch: { [K in keyof T]?: T[K] | undefined } | undefined): T {
	const named = Object.entries(patch ?? {}).filter(([, value]) => value !== undefined);
	return { ...old, ...Object.fromEntries(named) };
}

/** What is wrong with a patch of knobs, each with the place it stands at. */
export function problems(issues: readonly z.core.$ZodIssue[]): string[] {
	return issues.flatMap((issue) => {
		const at = (key?: string) => [...issue.path, ...(key === undefined ? [] : [key])].join(".");
		if (issue.code === "unrecognized_keys") return issue.keys.map((key) => `unknown knob ${at(key)}`);
		return [`${at() || "knobs"}: ${issue.message}`];
	});
}
