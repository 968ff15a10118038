import type { Message, MessageBatch } from "@cloudflare/workers-types";
import { sql } from "drizzle-orm";
import { compileSql } from "../../src/db/compile.ts";
import type { Db } from "../../src/db/db.ts";
import { deliveries, recoveries, submissions } from "../../src/db/schema.ts";
import type { Deps } from "../../src/deps.ts";
import { type Edge, edgeOver } from "../../src/worker/edge.ts";
import { type Hint, Hints } from "../../src/worker/queue.ts";
import { openWorld, type WorldOptions } from "./world.ts";

const CRON_MS = 60_000;
/** `max_batch_size` of wrangler.toml. */
const BATCH = 5;

/** A message on its way: `at` is when the queue hands it over. */
export interface Sent {
	body: Hint;
	at: number;
	tries: number;
}

/** The queue, in the test's hands: what it does with messages is what the platform may do with them. */
export class TestQueue {
	sent: Sent[] = [];
	/** Every message that was ever handed over, with what became of it. */
	readonly handed: { body: Hint; end: "acked" | "retried" }[] = [];
	/** What becomes of messages that are to be handed over: lost, doubled, reordered. */
	spoil: (messages: Sent[]) => Sent[] = (messages) => messages;
	readonly #now: () => number;

	constructor(now: () => number) {
		this.#now = now;
	}

	async sendBatch(messages: Iterable<{ body: Hint; delaySeconds?: number }>) {
		for (const { body, delaySeconds = 0 } of messages) this.sent.push({ body, at: this.#now() + delaySeconds * 1000, tries: 0 });
		return { metadata: { metrics: { backlogCount: 0, backlogBytes: 0 } } };
	}

	/** Takes what is due, in batches. */
	batches(): MessageBatch<Hint>[] {
		const now = this.#now();
		const due = this.spoil(this.sent.filter(({ at }) => at <= now));
		this.sent = this.sent.filter(({ at }) => at > now);
		return Array.from({ length: Math.ceil(due.length / BATCH) }, (_, i) => this.#batch(due.slice(i * BATCH, (i + 1) * BATCH)));
	}

	get nextAt(): number {
		return Math.min(...this.sent.map(({ at }) => at));
	}

	#batch(sent: Sent[]): MessageBatch<Hint> {
		const messages = sent.map((one) => {
			const end = (how: "acked" | "retried") => void this.handed.push({ body: one.body, end: how });
			const retry = ({ delaySeconds = 0 } = {}) => {
				end("retried");
				this.sent.push({ ...one, at: this.#now() + delaySeconds * 1000, tries: one.tries + 1 });
			};
			return {
				id: crypto.randomUUID(),
				timestamp: new Date(this.#now()),
				attempts: one.tries + 1,
				body: one.body,
				ack: () => end("acked"),
				retry,
			};
		});
		return {
			queue: "jobhook-due",
			messages: messages as Message<Hint>[],
			ackAll() {},
			retryAll(options?: { delaySeconds?: number }) {
				for (const one of messages) one.retry(options);
			},
		} as unknown as MessageBatch<Hint>;
	}
}

/** The first due row. Until then a sweep finds nothing, and hours can pass in one step. */
const firstDue = compileSql<unknown, { at: number | null }>(
	["at"],
	() => sql`SELECT min(at) AS at FROM (
		SELECT min(next_attempt_at) AS at FROM ${submissions} UNION ALL SELECT min(next_attempt_at) FROM ${deliveries}
		UNION ALL SELECT min(next_step_at) FROM ${recoveries}
	) AS every_kind`,
);

/** The Worker's edge over `deps`, with a queue in the test's hands and a sweep in each minute that has something for it. */
export function messageEdge(deps: Deps) {
	const { clock } = deps;
	const queue = new TestQueue(clock.now);
	let edge!: Edge;
	let sweptAt = clock.now();
	const newIsolate = () => {
		const hints = new Hints(queue, deps);
		deps.wake = hints.add;
		deps.woken = hints.flush;
		edge = edgeOver(deps, hints);
	};
	newIsolate();
	/** The first full minute in which a sweep has something to do; one that finds D1 sick may have. */
	const sweepAt = async () => {
		const [row] = await deps.db.read(firstDue.bind({})).catch(() => [{ at: clock.now() }]);
		const dueAt = row?.at ?? null;
		return dueAt === null ? Number.POSITIVE_INFINITY : sweptAt + CRON_MS * Math.max(1, Math.ceil((dueAt - sweptAt) / CRON_MS));
	};
	async function run(): Promise<number> {
		for (;;) {
			if (clock.now() >= (await sweepAt())) {
				sweptAt = clock.now();
				await edge.scheduled();
			}
			const batches = queue.batches();
			if (batches.length === 0) return Math.min(queue.nextAt, await sweepAt());
			await Promise.all(batches.map((batch) => edge.queue(batch)));
		}
	}
	return { queue, edge: () => edge, newIsolate, fetch: (request: Request) => edge.fetch(request), run };
}

/** A world whose due work is carried by messages and found by each minute's sweep. */
export async function openEdgeWorld(db: Db, options: WorldOptions = {}) {
	let made!: ReturnType<typeof messageEdge>;
	const world = await openWorld(db, {
		...options,
		edge: (deps) => {
			made = messageEdge(deps);
			return made;
		},
	});
	/** `newIsolate`: the one there was is gone, with all it knew. */
	const { queue, edge, newIsolate } = made;
	return { ...world, queue, edge, newIsolate };
}

export type EdgeWorld = Awaited<ReturnType<typeof openEdgeWorld>>;
