import { OWNERS } from "./owners.ts";
import type { Result } from "./run.ts";

/** The rows' owners, as SQL that anyone can ask, each with what it answered. */
export const ownersAsked = ({ ownerless }: Result): string =>
	Object.entries(OWNERS)
		.map(([what, query]) => `${ownerless[what] ?? "not asked"} = ${query}; -- ${what}`)
		.join("\n");

/** How often each route gave each answer. */
export const answersMet = ({ met }: Result): string =>
	[...met]
		.toSorted(([a], [b]) => (a < b ? -1 : 1))
		.map(([what, times]) => `${String(times).padStart(8)} ${what}`)
		.join("\n");

/** What was broken, and the shortest way there that was found. Null: nothing. */
export const findingIn = ({ finding }: Result): string | null =>
	finding && [`NOT SO: ${finding.message}`, ...finding.requests, `again with: npm run fuzz -- --seed ${finding.seed}`].join("\n");
