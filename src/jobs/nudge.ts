import type { Deps } from "../deps.ts";
import { nudge } from "./sql/work.ts";

/** Makes the poll of a submission due now, at most once per `HOOK_NUDGE_EVERY_S`. True when it did. */
export async function nudgePoll(deps: Deps, submissionId: string): Promise<boolean> {
	const now = deps.clock.now();
	const [nudged] = await deps.db.batch([nudge.bind({ submission: submissionId, now, notSince: now - deps.config.hookNudgeEveryMs })]);
	if (nudged.length > 0) deps.wake({ kind: "submission", id: submissionId, at: now });
	return nudged.length > 0;
}
