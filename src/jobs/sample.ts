import { newId } from "../core/ids.ts";
import { renderEvent } from "./envelope.ts";

/** A `job.completed` of a job that never was, for trying a receiver: `test` is true in it, and in no other event. */
export function sampleEvent(nowMs: number, publicUrl: string) {
	const [eventId, jobId] = [newId("evt", nowMs), newId("job", nowMs)];
	const rendered = renderEvent({
		eventId,
		at: nowMs,
		jobId,
		jobType: "txt2img",
		provider: "deapi",
		model: "sample",
		metadata: null,
		revision: 1,
		state: "completed",
		previousState: "processing",
		startedAt: nowMs,
		endedAt: nowMs,
		resultUrl: `${publicUrl}/results/${jobId}`,
		result: null,
		processingMs: 0,
		errorCode: null,
		errorMessage: null,
	});
	return { eventId, eventType: "job.completed", body: JSON.stringify({ ...(JSON.parse(rendered) as object), test: true }) };
}
