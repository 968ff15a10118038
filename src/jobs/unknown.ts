import type { Deps } from "../deps.ts";
import { settingsOf } from "../providers/index.ts";
import { endSubmission } from "./end.ts";
import { isTerminal } from "./job.ts";
import { resubmit } from "./resubmit.ts";
import { knownBySubmission } from "./sql/finish.ts";
import { supersededOf } from "./sql/resolve.ts";
import { type Claimed, pollAgain } from "./sql/work.ts";

/** Time for the hook that tells it was taken after all, which saves a second charge. */
const GRACE_MS = 60_000;
/** A provider that never answers would be paid without end. */
const MOST_RESUBMITS = 2;

type Send = { provider: string; sentAt: number | null };
const givenUpAt = (deps: Deps, { provider, sentAt }: Send) =>
	(sentAt ?? deps.clock.now()) + settingsOf(deps.config, provider).jobDeadlineMs;

/** When a send whose outcome is unknown is decided without news of it. */
export const unknownUntil = (deps: Deps, send: Send): number =>
	deps.config.onUnknown === "resubmit" ? deps.clock.now() + GRACE_MS : givenUpAt(deps, send);

/** It is due and nothing came: sent again where `ON_UNKNOWN` says so, at most twice, else given up at its deadline. */
export async function decideUnknown(deps: Deps, claimed: Claimed): Promise<void> {
	const at = givenUpAt(deps, claimed);
	if (deps.clock.now() >= at)
		return endSubmission(deps, claimed, {
			state: "unknown",
			code: "submission_unknown",
			message: "whether the provider took this job never became known; it may have been charged",
		});
	if (deps.config.onUnknown === "resubmit" && (await mayResubmit(deps, claimed.jobId))) return sendAgain(deps, claimed);
	const { id: submission, claimId: claim, missing, missingSince } = claimed;
	await deps.db.batch([
		pollAgain.bind({ submission, claim, at, reason: "unknown", missing, missingSince, silentSince: null, clockFrom: null }),
	]);
}

async function mayResubmit(deps: Deps, job: string): Promise<boolean> {
	const [superseded] = await deps.db.read(supersededOf.bind({ job }));
	return (superseded?.times ?? 0) < MOST_RESUBMITS;
}

async function sendAgain(deps: Deps, claimed: Claimed): Promise<void> {
	for (;;) {
		const [known] = await deps.db.read(knownBySubmission.bind({ submission: claimed.id, told: "" }));
		const over = known === undefined || isTerminal(known.state) || known.currentSubmissionId !== claimed.id;
		if (over || known.submissionState !== "unknown" || (await resubmit(deps, known))) return;
	}
}
