import { Hono } from "hono";
import type { Clock } from "../../core/clock.ts";
import { createControl } from "../control.ts";
import { ConnectionCut, type CutConnection, rejectInstead } from "../cut.ts";
import { createLog } from "../log.ts";
import { createSchedule, type Timers } from "../timers.ts";
import { createApi } from "./api.ts";
import { type CallEntry, type DecartEnv, recordCalls } from "./calls.ts";
import { refusal } from "./errors.ts";
import { createKeys } from "./keys.ts";
import { createKnobs, type KnobsPatch } from "./knobs.ts";

export interface DecartSandboxOptions {
	clock: Clock;
	timers: Timers;
	/** Permanent ones; each is an account of its own. */
	apiKeys: readonly string[];
	/** Multiplies job times: 0.001 = a thousand times faster. Default 1. */
	timeFactor?: number;
	/** Where the knobs stand at the start and after a reset: job times, faults, content, limits, legacy models. */
	knobs?: KnobsPatch;
	/** Default: the call rejects. */
	cut?: CutConnection;
}

export interface DecartSandbox {
	app: Hono<DecartEnv>;
	/** Cancels every timer; jobs stand still afterwards and what hangs is answered. */
	close(): void;
}

/** Where its own proxy package mounts the same routes. */
const proxyPrefix = "/api/decart";

/**
 * An offline Decart: queue, generate, client tokens, files, quota, resolve; real files, no realtime. Decart publishes no server
 * and few of its answers: what is known is followed, and faults are turned on under `/_sandbox/decart/knobs`.
 */
export function createDecartSandbox(options: DecartSandboxOptions): DecartSandbox {
	const { clock, timeFactor = 1, cut = rejectInstead } = options;
	const schedule = createSchedule(options.timers);
	const knobs = createKnobs(options.knobs ?? {});
	const calls = createLog<CallEntry>(1000);
	const keys = createKeys(clock, options.apiKeys);
	const api = createApi({ clock, schedule, knobs, keys, cut, timeFactor });

	const app = new Hono<DecartEnv>({ getPath: (request) => pathOf(request.url) });
	app.route("/_sandbox/decart", createControl(knobs, calls));
	app.use("*", recordCalls(clock, calls));
	app.route("/", api);
	app.route(proxyPrefix, api);
	app.notFound(() => refusal(404));
	app.onError((error) => {
		if (error instanceof ConnectionCut) throw error;
		console.error(error); // a fault of the sandbox itself, not one that was asked for
		return refusal(500);
	});
	return { app, close: schedule.close };
}

/** Clients join base URL and path as text, so `//v1/...` is a normal way to call Decart. */
const pathOf = (url: string): string => new URL(url).pathname.replace(/\/{2,}/g, "/");

/** Whether a request is Decart's where other sandboxes share the server. */
export const isDecart = (url: string): boolean => /^\/(v1|api\/decart|_sandbox\/decart)(\/|$)/.test(pathOf(url));
