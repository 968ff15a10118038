import { newId } from "../core/ids.ts";
import type { submissions } from "../db/schema.ts";
import { dispatchLane } from "../providers/provider.ts";

type Submission = typeof submissions.$inferSelect;

/**
 * A submission that waits to be sent, due at once or `dueAt`. `n` counts the sends of its job from 1. `inputLane`: where its
 * files are fetched from their URLs first.
 */
export function pendingSubmission(
	of: Pick<Submission, "appId" | "jobId" | "provider" | "accountId" | "n"> & {
		type: string;
		at: number;
		dueAt?: number;
		id?: string;
		inputLane?: string | null;
	},
): Submission {
	const { type, at, dueAt = at, id = newId("sub", at), inputLane = null, ...owner } = of;
	return {
		...owner,
		id,
		state: "pending",
		phase: inputLane === null ? "send" : "input",
		laneId: inputLane ?? dispatchLane(of.accountId, type),
		nextAttemptAt: dueAt,
		claimId: null,
		claimedAt: null,
		providerJobId: null,
		reason: null,
		polls: 0,
		missing: 0,
		missingSince: null,
		fetchingSince: null,
		resultUrl: null,
		silentSince: null,
		clockFrom: null,
		nudgedAt: 0,
		createdAt: at,
		sentAt: null,
		acceptedAt: null,
		endedAt: null,
	};
}
