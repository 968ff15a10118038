import { exhaustedNotice } from "./notices/facts.ts";
import type { Notice } from "./notices/notice.ts";

export interface GivenUp {
	appId: string;
	id: string;
	eventId: string;
	eventType: string;
	jobId: string;
	target: string;
	laneId: string;
	n: number;
}

/** Told where the batch has exhausted the delivery, and nothing where something else became of it. */
export const givenUp = ({ appId, id, eventId, eventType, jobId, target, laneId, n }: GivenUp, reason: string, now: number): Notice =>
	exhaustedNotice({ app: appId, delivery: id, event: eventId, eventType, job: jobId, target, lane: laneId, n, reason, now });
