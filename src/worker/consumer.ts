import type { Message, MessageBatch } from "@cloudflare/workers-types";
import { accountById } from "../access/accounts.ts";
import type { Deps, Due } from "../deps.ts";
import { isUnavailable } from "../errors.ts";
import type { Models } from "../jobs/models.ts";
import { submissionWork } from "../jobs/sql/work.ts";
import { workOn } from "../jobs/work.ts";
import { alone } from "../lanes/alone.ts";
import { Turns } from "../lanes/turns.ts";
import { deliver } from "../outbound/deliver.ts";
import { dueSteps } from "../outbound/recover/sql.ts";
import { stepRecovery } from "../outbound/recover/step.ts";
import { deliveryWork } from "../outbound/sql.ts";
import type { Hint, Hints } from "./queue.ts";

/** After D1 refused: the message comes again. */
export const RETRY_S = 5;
/** Recoveries whose message was lost, found by one sweep. */
const RECOVERIES = 100;

/** Does what messages say is due, if it is. Whatever becomes of a message, SQL and the sweep know what is left. */
export class Consumer {
	readonly #deps: Deps;
	readonly #hints: Hints;
	readonly #models: Models;
	readonly #submissions = new Turns(submissionWork);
	readonly #deliveries = new Turns(deliveryWork);

	constructor(deps: Deps, hints: Hints, models: Models) {
		this.#deps = deps;
		this.#hints = hints;
		this.#models = models;
	}

	/** All messages of a batch at once; what breaks in one stays there. */
	async consume(batch: MessageBatch<Hint>): Promise<void> {
		await Promise.all(batch.messages.map((message) => this.#take(message)));
	}

	/** Puts what is due now into the queue. Returns how many rows. */
	async enqueueDue(): Promise<number> {
		let found = 0;
		for (const [kind, turns] of [["submission", this.#submissions] as const, ["delivery", this.#deliveries] as const])
			await alone(this.#deps, { part: `due rows: ${kind}` }, async () => {
				for await (const ids of turns.due(this.#deps)) {
					found += ids.length;
					this.#hints.add(...ids.map((id) => ({ kind, id, at: this.#deps.clock.now() })));
					await this.#hints.flush();
				}
			});
		await alone(this.#deps, { part: "due rows: recovery" }, async () => {
			const now = this.#deps.clock.now();
			const due = await this.#deps.db.read(dueSteps.bind({ now, most: RECOVERIES }));
			found += due.length;
			this.#hints.add(...due.map(({ id }) => ({ kind: "recovery" as const, id, at: now })));
			await this.#hints.flush();
		});
		return found;
	}

	async #take(message: Message<Hint>): Promise<void> {
		try {
			await this.#turn(message.body);
			message.ack();
		} catch (e) {
			const unavailable = isUnavailable(e);
			this.#deps.log.error({ ...message.body, err: e, unavailable }, "message.failed");
			if (unavailable) message.retry({ delaySeconds: RETRY_S });
			else message.ack();
		}
		await this.#hints.flush(); // not at the end of the batch: one that hangs would hold back what follows on the others
	}

	async #turn({ kind, id }: Hint): Promise<void> {
		switch (kind) {
			case "submission":
				return this.#oneOf(kind, this.#submissions, (row) => workOn(this.#deps, row), id);
			case "delivery":
				return this.#oneOf(kind, this.#deliveries, (row) => deliver(this.#deps, row), id);
			case "recovery": // of two messages one does the step and tells of the next, the other ends here
				return this.#hints.add(...(await stepRecovery(this.#deps, id)));
			case "models":
				return this.#readModels(id);
			default:
				this.#deps.log.warn({ kind, id }, "message.unknown");
		}
	}

	/** Claims by id, works, and tells what is due next: this row again, and another one of its lane. */
	async #oneOf<Row extends { id: string; laneId: string }>(
		kind: Due["kind"],
		turns: Turns<Row>,
		work: (row: Row) => Promise<void>,
		id: string,
	): Promise<void> {
		const row = await turns.take(this.#deps, id);
		if (row === null) return this.#hints.add(...(await turns.later(this.#deps, id)).map((ahead) => ({ kind, ...ahead })));
		try {
			await work(row);
		} catch (e) {
			// not settled: its lease runs out and the sweep takes it from there
			this.#deps.log.error({ [kind]: row.id, err: e, unavailable: isUnavailable(e) }, "work.failed");
		}
		const { again, next } = await turns.after(this.#deps, row);
		this.#hints.add(...again.map((ahead) => ({ kind, ...ahead })));
		for (const ahead of next) this.#hints.addTurn({ kind, ...ahead });
	}

	async #readModels(id: string): Promise<void> {
		const account = await accountById(this.#deps, id);
		if (account !== null) await this.#models.read(account);
	}
}
