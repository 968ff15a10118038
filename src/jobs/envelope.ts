import { iso } from "../core/clock.ts";
import { hyphenated } from "../core/ids.ts";
import { callbackData, type Fact } from "../providers/deapi/callback.ts";
import { eventTypeOf } from "./job.ts";

export interface EventFacts extends Fact {
	eventId: string;
	at: number;
	provider: string;
	model: string;
	/** As it was submitted, JSON text. */
	metadata: string | null;
	revision: number;
}

/**
 * The body of a callback: deAPI's envelope and fields, with ours beside them under `data.job`. Rendered once; every
 * attempt at every target sends these bytes.
 */
export function renderEvent(facts: EventFacts): string {
	const type = eventTypeOf(facts.state);
	return JSON.stringify({
		id: facts.eventId,
		type,
		event: type,
		delivery_id: hyphenated(facts.eventId),
		timestamp: iso(facts.at),
		data: {
			...callbackData(facts),
			job: {
				id: facts.jobId,
				state: facts.state,
				provider: facts.provider,
				model: facts.model,
				metadata: facts.metadata === null ? null : (JSON.parse(facts.metadata) as unknown),
				revision: facts.revision,
			},
		},
	});
}
