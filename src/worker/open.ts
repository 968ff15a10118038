import { systemClock } from "../core/clock.ts";
import { Secretbox } from "../core/secretbox.ts";
import { openBlobs } from "./blobs.ts";
import { openD1 } from "./d1.ts";
import { type Edge, edgeOver } from "./edge.ts";
import { createFetchHttp } from "./http.ts";
import { createLog } from "./log.ts";
import { Hints } from "./queue.ts";
import { workerConfig } from "./settings.ts";

/** The service over the bindings of wrangler.toml. Throws `BadSettings` where a setting is missing or cannot be used. */
export function openEdge(env: Env): Edge {
	const config = workerConfig(env);
	const log = createLog(config.logLevel);
	const hints = new Hints(env.DUE, { clock: systemClock, log });
	const deps = {
		config,
		publicUrl: config.publicUrl,
		db: openD1(env.DB),
		blobs: openBlobs(env.BLOBS),
		clock: systemClock,
		random: Math.random,
		http: createFetchHttp(config),
		secrets: new Secretbox(config.masterKeys),
		wake: hints.add,
		woken: hints.flush,
		log,
	};
	return edgeOver(deps, hints);
}
