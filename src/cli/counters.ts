import type { Command } from "commander";
import { readCounters } from "../outbound/notices/read.ts";
import { type Json, leaf } from "./command.ts";
import { withDatabase } from "./open.ts";
import { card, tell } from "./print.ts";

export function addCounters(program: Command): void {
	leaf(program, "counters", "how often endpoints failed, recovered and were disabled, deliveries given up, accounts paused").action(
		async (options: Json) => {
			const data = await withDatabase(readCounters);
			tell(options, { data }, () => card(data));
		},
	);
}
