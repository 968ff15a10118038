import type { Clock } from "../../core/clock.ts";
import { type CallName, jobNames, priceOf, type RateLimit } from "./knobs.ts";

export type LimitType = "minute" | "daily";
interface Plan {
	perMinute: number;
	/** Null = unlimited. */
	perDay: number | null;
}
interface Bucket {
	minuteFrom: number;
	inMinute: number;
	day: number;
	inDay: number;
}

/** What a call may do: headers of its answer, and what to say when it may not go on. */
export interface Admission {
	headers: Record<string, string>;
	refused: { type: LimitType; retryAfterSeconds: number } | null;
}

const minuteMs = 60_000;
const dayMs = 86_400_000;

const basic: Partial<Record<CallName, Plan>> = {
	txt2img: { perMinute: 3, perDay: 100 },
	txt2video: { perMinute: 1, perDay: 15 },
	txt2audio: { perMinute: 5, perDay: 300 },
	txt2music: { perMinute: 1, perDay: 15 },
	txt2embedding: { perMinute: 10, perDay: 500 },
	transcribe: { perMinute: 1, perDay: 10 },
	...Object.fromEntries(jobNames.map((name) => [priceOf(name), { perMinute: 50, perDay: 200 }])),
	"request-status": { perMinute: 50, perDay: 200 },
};
const premium: Plan = { perMinute: 300, perDay: null };

/** One bucket per route. Balance and models are unlimited on every plan, and so is whatever is not listed. */
export function createLimits(clock: Clock): { admit(call: CallName, limit: RateLimit): Admission } {
	const buckets = new Map<CallName, Bucket>();
	return {
		admit(call, limit) {
			if (!(call in basic)) return { headers: {}, refused: null };
			const plan = planOf(call, limit);
			const now = clock.now();
			const bucket = current(buckets.get(call), now);
			buckets.set(call, bucket);
			const refused = limit === null ? null : refusal(bucket, plan, now);
			if (refused === null) {
				bucket.inMinute++;
				bucket.inDay++;
			}
			return { headers: headersOf(bucket, plan, typeof limit === "string" ? limit : limit === null ? "premium" : "custom"), refused };
		},
	};
}

function planOf(call: CallName, limit: RateLimit): Plan {
	if (limit === "basic") return basic[call] ?? premium;
	return limit === null || limit === "premium" ? premium : limit;
}

/** A minute starts with the first call in it; a day at midnight UTC. */
function current(bucket: Bucket | undefined, now: number): Bucket {
	const day = Math.floor(now / dayMs);
	const old = bucket ?? { minuteFrom: now, inMinute: 0, day, inDay: 0 };
	const minuteOver = now >= old.minuteFrom + minuteMs;
	return {
		minuteFrom: minuteOver ? now : old.minuteFrom,
		inMinute: minuteOver ? 0 : old.inMinute,
		day,
		inDay: old.day === day ? old.inDay : 0,
	};
}

function refusal(bucket: Bucket, plan: Plan, now: number): Admission["refused"] {
	if (plan.perDay !== null && bucket.inDay >= plan.perDay) return { type: "daily", retryAfterSeconds: secondsToMidnight(now) };
	if (bucket.inMinute < plan.perMinute) return null;
	return { type: "minute", retryAfterSeconds: Math.max(1, Math.ceil((bucket.minuteFrom + minuteMs - now) / 1000)) };
}

export const secondsToMidnight = (now: number): number => Math.ceil((dayMs - (now % dayMs)) / 1000);

function headersOf(bucket: Bucket, plan: Plan, source: string): Record<string, string> {
	const headers: Record<string, string> = {
		"X-RateLimit-Limit": String(plan.perMinute),
		"X-RateLimit-Remaining": String(Math.max(0, plan.perMinute - bucket.inMinute)),
		"X-RateLimit-Source": source,
	};
	if (plan.perDay === null) return headers;
	headers["X-RateLimit-Daily-Limit"] = String(plan.perDay);
	headers["X-RateLimit-Daily-Remaining"] = String(Math.max(0, plan.perDay - bucket.inDay));
	return headers;
}
