export type JobState = "queued" | "submitted" | "processing" | "completed" | "failed" | "canceled";
export type TerminalState = Extract<JobState, "completed" | "failed" | "canceled">;
export type EventState = "processing" | TerminalState;

export const EVENT_TYPES = ["job.processing", "job.completed", "job.failed", "job.canceled"] as const;
export type EventType = (typeof EVENT_TYPES)[number];
export const eventTypeOf = (state: EventState): EventType => `job.${state}`;

const TERMINAL: readonly JobState[] = ["completed", "failed", "canceled"];
export const isTerminal = (state: JobState): state is TerminalState => TERMINAL.includes(state);

/** What we know when a provider tells us something, or null where no submission of ours is meant. */
export interface Known {
	state: JobState;
	submissionId: string;
	currentSubmissionId: string;
	/** The provider's id of this submission; null while we have none. */
	providerJobId: string | null;
	/** The account that signed it is the one it was sent with. */
	sameAccount: boolean;
	/** Another submission of ours already carries the id that is being told. */
	idTaken: boolean;
	/** Its success has been told, and its result is being fetched. */
	fetching: boolean;
}

export type Verdict = "apply" | "repeated" | "late" | "conflicting" | "mismatched" | "orphan" | "ignored";

/**
 * What a provider's word about a job is worth: whether it moves the job, and if not, why not.
 * A terminal state never changes; only the current submission moves its job; an id is attached once.
 */
export function judge(known: Known | null, told: { providerJobId: string; state: EventState | null }): Verdict {
	if (known === null) return "orphan";
	if (told.state === null) return "ignored";
	if (!known.sameAccount) return "mismatched";
	if (known.providerJobId !== null && known.providerJobId !== told.providerJobId) return "mismatched";
	if (known.providerJobId === null && known.idTaken) return "mismatched";
	if (known.submissionId !== known.currentSubmissionId) return "late";
	if (isTerminal(known.state)) return isTerminal(told.state) && told.state !== known.state ? "conflicting" : "late";
	if (known.fetching) return told.state === "failed" ? "conflicting" : "repeated";
	return known.state === told.state ? "repeated" : "apply";
}
