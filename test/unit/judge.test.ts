import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config.ts";
import type { Health } from "../../src/outbound/endpoint/health.ts";
import { judge } from "../../src/outbound/endpoint/judge.ts";

const rules = loadConfig({});
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOW = Date.UTC(2026, 0, 15, 10);

/** Hours before now; null: never. */
interface Case {
	since: number | null;
	last?: number;
	failures?: number;
	deliveries?: number;
	noticed?: number | null;
	retry?: string | null;
}
const ago = (hours: number) => NOW - hours * HOUR;
const health = ({ since, last = 0, failures = 100, deliveries = 50, noticed = null, retry = null }: Case): Health => ({
	retry,
	failingSince: since === null ? null : ago(since),
	failedAt: since === null ? null : ago(last),
	failures,
	failingDeliveries: deliveries,
	noticedSince: noticed === null ? null : ago(noticed),
});
const verdict = (given: Case) => judge(health(given), rules, NOW);
/** In hours from now. */
const waits = (hours: number) => ({ kind: "wait", until: NOW + hours * HOUR });

describe("an endpoint's failures", () => {
	it.each<[string, Case, object]>([
		["that are none", { since: null, failures: 0 }, { kind: "wait", until: null }],
		["that ended after the operator knew of them", { since: null, noticed: 30 }, { kind: "recovered" }],
		["for an hour are nothing yet, be they thousands", { since: 1, failures: 100_000, deliveries: 9999 }, waits(23)],
		["for a minute less than a day are nothing yet", { since: 24 - 1 / 60 }, waits(1 / 60)],
		["for a day are for the operator to know", { since: 24 }, { kind: "failing" }],
		["that the operator knows of wait for the end", { since: 30, noticed: 30 }, waits(90)],
		["that began anew since the operator was told are told again", { since: 30, noticed: 80 }, { kind: "failing" }],
		["that were two in ten minutes and then none are not told", { since: 30, last: 29.9, failures: 2 }, waits(90)],
		["of 120 hours disable it", { since: 120 }, { kind: "disable" }],
		["of 120 hours disable it also where the operator knows", { since: 120, noticed: 120 }, { kind: "disable" }],
		["of a minute less do not", { since: 120 - 1 / 60, noticed: 120 - 1 / 60 }, waits(1 / 60)],
		["that are 19 do not", { since: 130, failures: 19, noticed: 130 }, waits(1 / 6)],
		["that are 20 do", { since: 130, failures: 20, noticed: 130 }, { kind: "disable" }],
		["of two deliveries do not", { since: 130, deliveries: 2, noticed: 130 }, waits(1 / 6)],
		["of three do", { since: 130, deliveries: 3, noticed: 130 }, { kind: "disable" }],
		["that are spread over less than twelve hours do not", { since: 130, last: 119, noticed: 130 }, waits(1 / 6)],
		["that are nine in a row do not disable by deAPI's rule", { since: 1, failures: 9, retry: "deapi" }, waits(23)],
		["that are ten in a row do", { since: 0.01, failures: 10, deliveries: 1, retry: "deapi" }, { kind: "disable" }],
		["that are ten in a row do not by a schedule of its own", { since: 1, failures: 10, retry: "[5,30]" }, waits(23)],
	])("%s", (_, given, expected) => {
		expect(verdict(given)).toEqual(expected);
	});

	it("follow the settings", () => {
		const own = loadConfig({
			NOTICE_AFTER_H: "1",
			DISABLE_AFTER_H: "2",
			DISABLE_FAILURES: "1",
			DISABLE_DELIVERIES: "1",
			DISABLE_SPREAD_H: "1",
		});
		expect(judge(health({ since: 1, failures: 1, deliveries: 1 }), own, NOW)).toEqual({ kind: "failing" });
		expect(judge(health({ since: 2, failures: 1, deliveries: 1 }), own, NOW)).toEqual({ kind: "disable" });
	});
});
