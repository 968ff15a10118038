import { Hono } from "hono";
import type { Clock } from "../../core/clock.ts";
import { createControl } from "../control.ts";
import { ConnectionCut, type CutConnection, rejectInstead } from "../cut.ts";
import { createLog } from "../log.ts";
import { createSchedule, type Timers } from "../timers.ts";
import { createApi } from "./api.ts";
import { type CallEntry, recordCalls, type SandboxEnv } from "./calls.ts";
import { failure, messageOf } from "./errors.ts";
import { createHooks, type Send } from "./hooks.ts";
import { createJobs } from "./jobs.ts";
import { createKnobs, type KnobsPatch } from "./knobs.ts";
import { createResultLinks } from "./results.ts";

export interface DeapiSandboxOptions {
	clock: Clock;
	timers: Timers;
	/** How webhooks leave. */
	send: Send;
	/** How result_url and the links of models are spelled, e.g. `http://127.0.0.1:4100`. */
	baseUrl: string;
	/** Every one of them is the same account. */
	apiKeys: readonly string[];
	/** Null = webhooks carry an empty signature. */
	webhookSecret: string | null;
	/** For jobs without a webhook_url of their own; null = they send none. */
	webhookUrl: string | null;
	/** Multiplies job times and the retry ladder: 1 = official, 0.001 = a thousand times faster. Default 1. */
	timeFactor?: number;
	/** Require what the documentation requires (guidance, steps, sizes on the model's grid). Default false. */
	strict?: boolean;
	/** Default 10 s, not scaled. */
	hookDeadlineMs?: number;
	/** How long a result_url works. Default 24 h, not scaled. */
	resultTtlMs?: number;
	/** Where the knobs stand at the start and after a reset: balance, rateLimit, job times, faults. */
	knobs?: KnobsPatch;
	/** Default: the call rejects. */
	cut?: CutConnection;
}

export interface DeapiSandbox {
	app: Hono<SandboxEnv>;
	/** Cancels every timer; nothing is sent afterwards and what hangs is answered. */
	close(): void;
}

/**
 * An offline deAPI (v1): balance, models, every job that is sent as JSON and its price, request-status, signed webhooks, real files.
 * Behaviour follows the provider's documentation and clients; faults are turned on under `/_sandbox/knobs`.
 */
export function createDeapiSandbox(options: DeapiSandboxOptions): DeapiSandbox {
	const { clock, send, webhookUrl, webhookSecret: secret, timeFactor = 1, hookDeadlineMs: deadlineMs = 10_000 } = options;
	const baseUrl = options.baseUrl.replace(/\/+$/, "");
	const schedule = createSchedule(options.timers);
	const knobs = createKnobs(options.knobs ?? {});
	const calls = createLog<CallEntry>(1000);
	const links = createResultLinks(clock, baseUrl, options.resultTtlMs ?? 24 * 3_600_000);
	const hooks = createHooks({ clock, schedule, send, knobs, secret, timeFactor, deadlineMs });
	const jobs = createJobs({ clock, schedule, hooks, knobs, links, timeFactor, webhookUrl });
	const { apiKeys, strict = false, cut = rejectInstead } = options;

	// Clients join base URL and path as text, so `//api/...` is a normal way to call deAPI.
	const app = new Hono<SandboxEnv>({ getPath: (request) => new URL(request.url).pathname.replace(/^\/+/, "/") });
	const control = createControl(knobs, calls);
	control.get("/hooks", (c) => c.json({ data: hooks.attempts() }));
	control.post("/hooks/:id/resend", async (c) => {
		const attempt = await hooks.resend(c.req.param("id"));
		return attempt === null ? c.json({ message: "No such delivery." }, 404) : c.json({ data: attempt });
	});
	app.route("/_sandbox", control);
	app.use("*", recordCalls(clock, calls));
	app.route("/", createApi({ knobs, schedule, clock, cut, jobs, links, baseUrl, apiKeys, strict }));
	app.notFound((c) => failure(404, `The route ${c.req.path.slice(1)} could not be found.`));
	app.onError((error) => {
		if (error instanceof ConnectionCut) throw error;
		console.error(error); // a fault of the sandbox itself, not one that was asked for
		return failure(500, messageOf(500));
	});
	return { app, close: schedule.close };
}
