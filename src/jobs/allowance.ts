import type { Bound } from "../db/db.ts";
import type { Deps } from "../deps.ts";
import { paceLane, paceOf } from "../lanes/pace.ts";
import { pauseLane } from "../lanes/pause.ts";
import { settingsOf } from "../providers/index.ts";
import type { Allowance } from "../providers/provider.ts";
import type { Claimed } from "./sql/work.ts";

const DAY_MS = 86_400_000;

/**
 * The pace of a poll lane follows the limit that the provider tells. What is left of the day is used but for as many questions
 * as may be under way: then the lane rests until midnight UTC.
 */
export function keepInside(
	deps: Deps,
	{ provider, laneId: lane, spacingMs }: Pick<Claimed, "provider" | "laneId" | "spacingMs">,
	{ perMinute, leftToday }: Allowance,
): Bound<unknown>[] {
	const writes: Bound<unknown>[] = [];
	const pace = perMinute === null ? null : paceOf(perMinute);
	if (pace !== null && pace.spacing !== spacingMs && settingsOf(deps.config, provider).polls.learns)
		writes.push(paceLane.bind({ lane, ...pace, keep: 0 }));
	if (leftToday !== null && leftToday < deps.config.laneConcurrency) {
		const midnight = (Math.floor(deps.clock.now() / DAY_MS) + 1) * DAY_MS;
		writes.push(pauseLane.bind({ lane, until: midnight, reason: "daily_limit" }));
	}
	return writes;
}
