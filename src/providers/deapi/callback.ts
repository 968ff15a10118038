import { isoOrNull } from "../../core/clock.ts";
import { hyphenated } from "../../core/ids.ts";

/** A fact about a job, in our words, as the jobs room hands it over to be told in deAPI's. */
export interface Fact {
	jobId: string;
	jobType: string;
	state: "processing" | "completed" | "failed" | "canceled";
	previousState: "queued" | "submitted" | "processing";
	startedAt: number | null;
	endedAt: number | null;
	resultUrl: string | null;
	/** A text that is short enough to be told at once. */
	result: string | null;
	processingMs: number | null;
	errorCode: string | null;
	errorMessage: string | null;
}

const STATUS = { processing: "processing", completed: "done", failed: "error", canceled: "error" } as const;
const PREVIOUS = { queued: "pending", submitted: "pending", processing: "processing" } as const;

/** The `data` of deAPI's webhook envelope: a receiver written for deAPI reads ours unchanged. */
export function callbackData(fact: Fact): Record<string, unknown> {
	const ended = isoOrNull(fact.endedAt);
	const common = {
		job_request_id: hyphenated(fact.jobId),
		status: STATUS[fact.state],
		previous_status: PREVIOUS[fact.previousState],
		job_type: fact.jobType,
	};
	switch (fact.state) {
		case "processing":
			return { ...common, started_at: isoOrNull(fact.startedAt) };
		case "completed":
			return {
				...common,
				completed_at: ended,
				result_url: fact.resultUrl,
				...(fact.result === null ? {} : { result: fact.result }),
				processing_time_ms: fact.processingMs,
			};
		case "failed":
			return { ...common, failed_at: ended, error_code: fact.errorCode, error_message: fact.errorMessage };
		case "canceled":
			return { ...common, failed_at: ended, error_code: "CANCELED", error_message: fact.errorMessage };
	}
}
