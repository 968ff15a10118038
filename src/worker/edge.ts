import type { MessageBatch } from "@cloudflare/workers-types";
import { bootstrap } from "../bootstrap.ts";
import { nonce } from "../core/ids.ts";
import type { Deps } from "../deps.ts";
import { createApp } from "../http/app.ts";
import { asJobhookError } from "../http/errors.ts";
import { Models } from "../jobs/models.ts";
import { Sweep } from "../sweep.ts";
import { Consumer, RETRY_S } from "./consumer.ts";
import type { Hint, Hints } from "./queue.ts";
import { refusal } from "./refusal.ts";
import { isMigrated } from "./schema.ts";

/** Leases of each kind that one sweep gives back, and batches for endpoints: an invocation has a thousand queries. */
const LEASES = 100;
/** What a sweep spends on retention; the next one goes on. */
const RETENTION_MS = 20_000;

/** One whole service in this isolate, as the platform calls it: requests, messages, the minute's sweep. */
export interface Edge {
	fetch(request: Request): Promise<Response>;
	queue(batch: MessageBatch<Hint>): Promise<void>;
	scheduled(): Promise<void>;
}

/** `deps.wake` adds to `hints`, which leave before an answer does: nothing of ours goes on behind it. */
export function edgeOver(deps: Deps, hints: Hints): Edge {
	const models = new Models(deps, (id) => hints.add({ kind: "models", id, at: deps.clock.now() }));
	const app = createApp(deps, { models });
	const consumer = new Consumer(deps, hints, models);
	const sweep = new Sweep(deps);
	let stands = false;

	/** Requests that come together each do it: a promise that they shared would die with the one that made it. */
	async function stand(): Promise<void> {
		if (stands) return;
		await isMigrated(deps);
		await bootstrap(deps);
		stands = true;
	}

	return {
		async fetch(request) {
			try {
				if (new URL(request.url).pathname !== "/healthz") await stand();
			} catch (e) {
				const error = asJobhookError(e);
				const id = nonce();
				deps.log.error({ request: id, err: e }, "request.refused");
				return refusal(error, id);
			}
			const response = await app.fetch(request);
			await hints.flush();
			return response;
		},
		async queue(batch) {
			try {
				await stand();
			} catch (e) {
				deps.log.error({ messages: batch.messages.length, err: e }, "batch.refused");
				return batch.retryAll({ delaySeconds: RETRY_S });
			}
			await consumer.consume(batch);
		},
		async scheduled() {
			const startedAt = deps.clock.now();
			await stand();
			const due = await consumer.enqueueDue(); // first: whatever there is to tend spends of the same queries
			await sweep.tend(LEASES);
			await hints.flush();
			const until = deps.clock.now() + RETENTION_MS;
			await sweep.retain(() => deps.clock.now() > until);
			deps.log.info({ due, ms: deps.clock.now() - startedAt }, "sweep.finished");
		},
	};
}
