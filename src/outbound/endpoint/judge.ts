import type { Config } from "../../config.ts";
import { DEAPI_FAILURES } from "../schedule.ts";
import type { Health } from "./health.ts";

export type Judgement =
	/** It was known to fail, and is well again. */
	| { kind: "recovered" }
	/** The operator is to know. */
	| { kind: "failing" }
	| { kind: "disable" }
	/** Nothing yet. `until`: look again then; null: when something happens. */
	| { kind: "wait"; until: number | null };

export type JudgeRules = Pick<Config, "noticeAfterMs" | "disableAfterMs" | "disableFailures" | "disableDeliveries" | "disableSpreadMs">;

/** Where only counts are missing, their time is not known. */
const LOOK_AGAIN_MS = 600_000;
/** One failure and then nothing to send for a day is no endpoint that fails. */
const NOTICE_SPREAD = 4;

/**
 * What an endpoint's failures come to. Time and spread decide, never a count alone: a hundred failures in a row are half a
 * second of outage at 200 a second. Only deAPI's own rule, for who asked for it, counts.
 */
export function judge(health: Health, rules: JudgeRules, nowMs: number): Judgement {
	const { failingSince, failedAt, noticedSince, failures } = health;
	if (failingSince === null || failedAt === null) return noticedSince === null ? { kind: "wait", until: null } : { kind: "recovered" };
	if (health.retry === "deapi" && failures >= DEAPI_FAILURES) return { kind: "disable" };

	const spread = failedAt - failingSince;
	const disableAt = disabledAtTheEarliest(failingSince, rules);
	const enough = failures >= rules.disableFailures && health.failingDeliveries >= rules.disableDeliveries;
	if (nowMs >= disableAt && enough && spread >= rules.disableSpreadMs) return { kind: "disable" };

	const noticed = noticedSince === failingSince;
	const noticeAt = failingSince + rules.noticeAfterMs;
	if (!noticed && nowMs >= noticeAt && spread >= rules.noticeAfterMs / NOTICE_SPREAD) return { kind: "failing" };

	const times = [disableAt, ...(noticed ? [] : [noticeAt])].filter((at) => at > nowMs);
	return { kind: "wait", until: times.length > 0 ? Math.min(...times) : nowMs + LOOK_AGAIN_MS };
}

/** Where nothing arrives until then. From the first failure: one that had nothing to do for a week is not disabled by one bad night. */
export const disabledAtTheEarliest = (failingSince: number, rules: JudgeRules) =>
	failingSince + Math.max(rules.disableAfterMs, rules.disableSpreadMs);
