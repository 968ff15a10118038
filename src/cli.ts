#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { addApps, addSecrets } from "./cli/apps.ts";
import { addCounters } from "./cli/counters.ts";
import { addDeliveries } from "./cli/deliveries.ts";
import { addEndpoints } from "./cli/endpoints.ts";
import { addJobs } from "./cli/jobs.ts";
import { addKeys } from "./cli/keys.ts";
import { addService } from "./cli/service.ts";
import { isExpected } from "./node/expected.ts";

const USAGE = 2;
const program = new Command("jobhook").description("Operate a jobhook service.").version("0.1.0").exitOverride();
for (const add of [addService, addApps, addKeys, addSecrets, addJobs, addDeliveries, addCounters, addEndpoints]) add(program);

try {
	await program.parseAsync();
} catch (e) {
	process.exitCode = exitCodeOf(e);
}

/** 0: it was help that was asked for. 2: a command that does not exist, or is used otherwise. 1: what went wrong. */
function exitCodeOf(e: unknown): number {
	if (e instanceof CommanderError) {
		if (e.code === "jobhook.usage") console.error(e.message);
		return e.exitCode === 0 ? 0 : USAGE;
	}
	const message = isExpected(e) ? e.message : `something broke in jobhook: ${e instanceof Error ? e.message : String(e)}`;
	console.error(message);
	if (process.argv.includes("--json")) console.log(JSON.stringify({ ok: false, error: message }));
	return 1;
}
