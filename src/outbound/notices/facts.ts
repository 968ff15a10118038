import { iso } from "../../core/clock.ts";
import { type Notice, noticeOf } from "./notice.ts";
import * as sql from "./sql.ts";
import { isNotice, jobOf } from "./types.ts";

/*
 * Each of these goes to the end of the batch that makes its fact true, by `workOf`, and what the batch returned to
 * `tellNotices`. Where the batch did not make it true, nothing is stored, counted or told. Times are epoch milliseconds.
 */

interface OfEndpoint {
	/** Whose endpoint it is. */
	app: string;
	endpoint: string;
	now: number;
}

/** Query, user name and password stay out: what is told may be read by others. */
function shownUrl(url: string): string {
	const { origin, pathname } = new URL(url);
	return origin + pathname;
}
/** The operator's own key does not know what is another app's. */
const withKeyOf = (app: string) => `with a key of the app ${app}`;

/** Nothing has arrived since `failingSince`. True where the endpoint is enabled and its row still has that `failing_since`; once for each. */
export function failingNotice(
	fact: OfEndpoint & {
		url: string;
		failingSince: number;
		/** When it last was well; 0: not known. */
		succeededAt: number;
		failures: number;
		/** Of the last attempt, e.g. `http_500`. */
		reason: string | null;
		/** When it will be disabled if nothing arrives until then; null: never. */
		disableAt: number | null;
	},
): Notice {
	const { app, endpoint, failingSince, succeededAt, failures, reason, disableAt, now } = fact;
	return noticeOf(
		{
			...{ type: "endpoint.failing", about: `${endpoint}:failing`, revision: failingSince, now, except: endpoint },
			fields: { app, endpoint, failures, reason, since: failingSince },
			data: {
				...{ app, endpoint, url: shownUrl(fact.url), reason, failures, failing_since: iso(failingSince) },
				last_success_at: succeededAt === 0 ? null : iso(succeededAt),
				disabled_at_the_earliest: disableAt === null ? null : iso(disableAt),
				next: `it is tried again by itself; ${withKeyOf(app)} GET /v1/deliveries?endpoint=${endpoint}&status=undelivered lists what waits`,
			},
		},
		(row) => sql.raiseFailing.bind({ ...row, endpoint, since: failingSince }),
	);
}

/** An attempt was acknowledged after `failingNotice` was told. True where `failing_since` is null and `succeeded_at` is not before it; once for each failing. */
export function recoveredNotice(fact: OfEndpoint & { url: string; failingSince: number }): Notice {
	const { app, endpoint, failingSince, now } = fact;
	return noticeOf(
		{
			...{ type: "endpoint.recovered", about: `${endpoint}:recovered`, revision: failingSince, now, except: endpoint },
			fields: { app, endpoint, since: failingSince },
			data: {
				...{ app, endpoint, url: shownUrl(fact.url), failing_since: iso(failingSince), recovered_at: iso(now) },
				next: `${withKeyOf(app)} POST /v1/endpoints/${endpoint}/recover sends again what was given up meanwhile`,
			},
		},
		(row) => sql.raiseRecovered.bind({ ...row, endpoint, since: failingSince, failing: `${endpoint}:failing` }),
	);
}

/** Not by request. True where the row says `disabled`, for this reason, with `updated_at` = `now`. */
export function disabledNotice(
	fact: OfEndpoint & { url: string; reason: string; failingSince: number | null; succeededAt: number | null; failures: number | null },
): Notice {
	const { app, endpoint, reason, failingSince, succeededAt, failures, now } = fact;
	return noticeOf(
		{
			...{ type: "endpoint.disabled", about: `${endpoint}:disabled`, revision: now, now, except: endpoint },
			fields: { app, endpoint, reason, since: failingSince, failures },
			data: {
				...{ app, endpoint, url: shownUrl(fact.url), reason, failures, disabled_at: iso(now) },
				failing_since: failingSince === null ? null : iso(failingSince),
				last_success_at: succeededAt === null || succeededAt === 0 ? null : iso(succeededAt),
				next: `its deliveries are held: ${withKeyOf(app)} first POST /v1/endpoints/${endpoint}/enable sends what is held, after that POST /v1/endpoints/${endpoint}/recover what was given up before`,
			},
		},
		(row) => sql.raiseDisabled.bind({ ...row, endpoint, reason }),
	);
}

const HOUR_MS = 3_600_000;

/**
 * A delivery was given up. True where it is `exhausted` with `ended_at` = `now` after `n` attempts. Counted and logged each
 * time; told once for a lane and hour. That a notice was given up is only logged: two broken receivers of notices would
 * keep each other busy.
 */
export function exhaustedNotice(fact: {
	app: string;
	delivery: string;
	event: string;
	eventType: string;
	job: string;
	/** An endpoint's id, or `job`. */
	target: string;
	lane: string;
	/** Attempts so far. */
	n: number;
	reason: string;
	now: number;
}): Notice {
	const { app, delivery, event, eventType, job, target, lane, n, reason, now } = fact;
	const type = "delivery.exhausted" as const;
	const fields = { app, job: jobOf(eventType, job), delivery, event, target, n, reason };
	const at = { delivery, n, now };
	if (isNotice(eventType)) return { type, fields, work: [sql.noticeExhausted.bind(at)] };
	const endpoint = target === "job" ? null : target;
	return noticeOf(
		{
			...{ type, about: `${lane}:exhausted`, revision: Math.floor(now / HOUR_MS), now, except: endpoint, fields },
			data: {
				...{ app, endpoint, job, delivery, event, event_type: eventType, attempts: n, reason, exhausted_at: iso(now) },
				next:
					endpoint === null
						? `${withKeyOf(app)} GET /v1/deliveries?status=exhausted lists all; POST /v1/deliveries/${delivery}/retry sends this one again`
						: `${withKeyOf(app)} GET /v1/deliveries?endpoint=${endpoint}&status=exhausted lists all; POST /v1/endpoints/${endpoint}/recover sends them again`,
				told_again_after: iso((Math.floor(now / HOUR_MS) + 1) * HOUR_MS),
			},
		},
		(row) => sql.raiseExhausted.bind({ ...row, delivery, n }),
		() => sql.countExhausted.bind(at),
	);
}

/** As long as an account is paused at most: one that is well and ill by turns is told of no more often. */
const PAUSE_TOLD_EVERY_MS = 600_000;

/**
 * The account's lanes rest, for the first time in a row for this reason. True where `pauseAccount` with `until` paused this
 * lane of it, too; once for an account, a reason and ten minutes.
 */
export function accountPausedNotice(fact: {
	account: string;
	provider: string;
	lane: string;
	reason: string;
	until: number;
	/** A job that waits longer fails. */
	deadlineMs: number;
	now: number;
}): Notice {
	const { account, provider, lane, reason, until, deadlineMs, now } = fact;
	const revision = Math.floor(now / PAUSE_TOLD_EVERY_MS);
	return noticeOf(
		{
			...{ type: "account.paused", about: `${account}:paused:${reason}`, revision, now, except: null },
			fields: { account, reason, until },
			data: {
				...{ account, provider, reason, paused_at: iso(now), tried_again_at: iso(until) },
				next: `see to the account's key and balance at the provider; its jobs wait and go on by themselves, and one that has waited ${deadlineMs / HOUR_MS} hours fails as not_dispatched`,
			},
		},
		(row) => sql.raisePaused.bind({ ...row, lane, until, reason }),
	);
}
