import type { Deps } from "../deps.ts";
import { isTooOld } from "./schedule.ts";
import * as sql from "./sql.ts";

/**
 * The write after a trouble of our own, and when the delivery will be due. It spends none of the receiver's budget, but a
 * delivery that only ever meets such trouble ends with its age.
 */
export function againAt(
	deps: Pick<Deps, "config">,
	{ armedAt }: { armedAt: number },
	at: { delivery: string; claim: string; reason: string; now: number; at: number },
) {
	if (isTooOld(deps.config, armedAt, at.at)) return { next: null, write: sql.exhausted.bind({ ...at, spent: 0 }) };
	return { next: at.at, write: sql.retryLater.bind({ ...at, spent: 0 }) };
}
