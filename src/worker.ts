import type { MessageBatch } from "@cloudflare/workers-types";
import { BadSettings } from "./config.ts";
import { nonce } from "./core/ids.ts";
import { JobhookError } from "./errors.ts";
import type { Edge } from "./worker/edge.ts";
import { openEdge } from "./worker/open.ts";
import type { Hint } from "./worker/queue.ts";
import { refusal } from "./worker/refusal.ts";

/** Of this isolate; every invocation in it has the same bindings. */
let edge: Edge | undefined;
const edgeOf = (env: Env): Edge => {
	edge ??= openEdge(env);
	return edge;
};

/** The service on Cloudflare Workers. */
export default {
	async fetch(request: Request, env: Env): Promise<Response> {
		let service: Edge;
		try {
			service = edgeOf(env);
		} catch (e) {
			if (!(e instanceof BadSettings)) throw e;
			console.error(e.message);
			return refusal(new JobhookError("internal", e.message), nonce());
		}
		return service.fetch(request);
	},
	queue: (batch: MessageBatch<Hint>, env: Env): Promise<void> => edgeOf(env).queue(batch),
	scheduled: (_: unknown, env: Env): Promise<void> => edgeOf(env).scheduled(),
};
