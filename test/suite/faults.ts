import type { Db } from "../../src/db/db.ts";
import { answers } from "./faults/answers.ts";
import { breaker } from "./faults/breaker.ts";
import { changes } from "./faults/changes.ts";
import { dead } from "./faults/dead.ts";
import { flapping } from "./faults/flapping.ts";
import { herd } from "./faults/herd.ts";
import { outages } from "./faults/outages.ts";
import { retryAfter } from "./faults/retry-after.ts";
import { schedule } from "./faults/schedule.ts";

/** How much is sent: deliveries a second, for how long, and those that are due together. */
export interface Load {
	flapping: { perSecond: number; forMs: number; seeds: number[] };
	shortOutage: number;
	longOutage: number;
	herd: number;
}
/** `full` takes minutes: `FAULTS=full`. */
export const loads: Record<"quick" | "full", Load> = {
	quick: { flapping: { perSecond: 5, forMs: 120_000, seeds: [3] }, shortOutage: 200, longOutage: 10, herd: 5000 },
	full: { flapping: { perSecond: 50, forMs: 180_000, seeds: [1, 2, 3] }, shortOutage: 200, longOutage: 200, herd: 50_000 },
};

/** What becomes of deliveries while receivers are ill: over real sockets, by a clock that is moved. */
export function faultsSuite(open: () => Promise<Db>, load: Load): void {
	schedule(open);
	flapping(open, load);
	outages(open, load);
	dead(open);
	retryAfter(open);
	answers(open);
	breaker(open);
	herd(open, load);
	changes(open);
}
