import { type Clock, iso } from "../../core/clock.ts";
import { nonce } from "../../core/ids.ts";
import { createLog, remember } from "../log.ts";
import type { Schedule } from "../timers.ts";
import { hookHeaders, phpJson } from "./envelope.ts";
import type { HookEvent, Knobs } from "./knobs.ts";

/** Answers with the status, or rejects when there was none within `deadlineMs`. Must not follow redirects. */
export type Send = (
	url: string,
	request: { headers: Record<string, string>; body: string; deadlineMs: number },
) => Promise<{ status: number }>;

export interface HookOptions {
	clock: Clock;
	schedule: Schedule;
	send: Send;
	knobs: Knobs;
	secret: string | null;
	timeFactor: number;
	deadlineMs: number;
}

/** One attempt as it was sent, or why it was not; `headers` is empty when nothing left. */
export interface HookAttempt {
	delivery_id: string;
	event: HookEvent;
	job: string;
	url: string;
	/** From 1. */
	attempt: number;
	at: string;
	outcome: "sending" | "delivered" | "refused" | "unreachable" | "dropped" | "disabled";
	status: number | null;
	error: string | null;
	headers: Record<string, string>;
	body: string;
}

interface Delivery {
	id: string;
	event: HookEvent;
	job: string;
	url: string;
	body: string;
	attempts: number;
	/** How many waits of the ladder are behind it; a resend by hand is an attempt but no rung. */
	rung: number;
	waiting: boolean;
}

export interface Hooks {
	emit(url: string, event: HookEvent, job: string, data: Record<string, unknown>): void;
	/** One more attempt of a known delivery, by hand: fresh timestamp, same bytes, no ladder behind it. Null = unknown. */
	resend(deliveryId: string): Promise<HookAttempt | null>;
	attempts(): readonly HookAttempt[];
}

const minute = 60_000;
const hour = 60 * minute;
/** deAPI's ladder: the wait before each of the ten attempts, 22 h 48 m in all. */
const ladderMs = [0, minute, 2 * minute, 5 * minute, 10 * minute, 30 * minute, hour, 3 * hour, 6 * hour, 12 * hour];
const kept = 1000;

export function createHooks({ clock, schedule, send, knobs, secret, timeFactor, deadlineMs }: HookOptions): Hooks {
	const log = createLog<HookAttempt>(kept);
	const deliveries = new Map<string, Delivery>();
	const overtaken = new Map<string, Delivery>();
	let failuresInARow = 0;

	function note(delivery: Delivery, outcome: HookAttempt["outcome"], headers: Record<string, string>): HookAttempt {
		const { id, event, job, url, body, attempts } = delivery;
		const at = iso(clock.now());
		const entry: HookAttempt = {
			delivery_id: id,
			event,
			job,
			url,
			attempt: attempts,
			at,
			outcome,
			status: null,
			error: null,
			headers,
			body,
		};
		log.add(entry);
		return entry;
	}

	async function post(delivery: Delivery): Promise<HookAttempt> {
		const { url, body } = delivery;
		const headers = hookHeaders({ ...delivery, nowMs: clock.now(), secret, sign: knobs.now.hooks.sign });
		const entry = note(delivery, "sending", headers);
		try {
			entry.status = (await send(url, { headers, body, deadlineMs })).status;
			entry.outcome = entry.status >= 200 && entry.status < 300 ? "delivered" : "refused";
		} catch (error) {
			entry.outcome = "unreachable";
			entry.error = error instanceof Error ? error.message : String(error);
		}
		return entry;
	}

	/** Ends the delivery, or puts its next attempt on the ladder. Of several copies the first one counts. */
	async function attempt(delivery: Delivery): Promise<void> {
		delivery.attempts++;
		delivery.rung++;
		delivery.waiting = false;
		if (!knobs.now.hooks.enabled) return void note(delivery, "disabled", {});
		const posts = Array.from({ length: knobs.now.hooks.copies }, () => post(delivery));
		const [first] = await Promise.all(posts);
		if (first?.outcome === "delivered") failuresInARow = 0;
		else {
			countFailure();
			const waitMs = ladderMs[delivery.rung];
			if (waitMs === undefined) return;
			delivery.waiting = true;
			schedule.after(waitMs * timeFactor, () => void attempt(delivery));
		}
	}

	/** Counted over the whole account. Whether deAPI counts attempts or events is not known; attempts are the harsher reading. */
	function countFailure(): void {
		failuresInARow++;
		const limit = knobs.now.hooks.autoDisableAfter;
		if (limit === null || failuresInARow < limit) return;
		knobs.now.hooks.enabled = false;
		failuresInARow = 0;
	}

	function start(delivery: Delivery, afterwards: () => void = () => {}): void {
		if (knobs.takeDrop(delivery.event)) {
			note(delivery, "dropped", {});
			afterwards();
			return;
		}
		delivery.waiting = true;
		schedule.after(knobs.now.hooks.delayMs, () => void attempt(delivery).then(afterwards));
	}

	return {
		emit(url, event, job, data) {
			const id = nonce();
			const body = phpJson({ event, delivery_id: id, timestamp: iso(clock.now()), data });
			const delivery: Delivery = { id, event, job, url, body, attempts: 0, rung: 0, waiting: false };
			remember(deliveries, id, delivery, kept, (old) => !old.waiting);
			if (event === "job.processing" && knobs.now.hooks.reorder) return void overtaken.set(job, delivery);
			const late = overtaken.get(job);
			overtaken.delete(job);
			start(delivery, late && (() => start(late)));
		},
		async resend(deliveryId) {
			const delivery = deliveries.get(deliveryId);
			if (delivery === undefined) return null;
			delivery.attempts++;
			return post(delivery);
		},
		attempts: log.list,
	};
}
