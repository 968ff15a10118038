import type { Queue } from "@cloudflare/workers-types";
import type { Deps, Due } from "../deps.ts";

/** What a message says: this row may be due, or this account's list of models has aged. It may be lost or doubled; SQL knows. */
export interface Hint {
	kind: Due["kind"] | "models";
	id: string;
}
type Waiting = Hint & { at: number };

/** What is due later is left to the sweep: a minute is nothing then. */
const FARTHEST_MS = 900_000;
/** Messages that one call of the queue takes. */
const IN_A_SEND = 100;
const SEND_DEADLINE_MS = 2000;

/**
 * Collects what falls due while something is done, and puts it into the queue at the end of that. All that is done in an
 * isolate shares it, so one request may send what another has added; what is lost with it is the sweep's.
 */
export class Hints {
	readonly #queue: Pick<Queue<Hint>, "sendBatch">;
	readonly #ports: Pick<Deps, "clock" | "log">;
	readonly #waiting: Waiting[] = [];

	constructor(queue: Pick<Queue<Hint>, "sendBatch">, ports: Pick<Deps, "clock" | "log">) {
		this.#queue = queue;
		this.#ports = ports;
	}

	/** One message for each, unless the same waits already. */
	readonly add = (...due: Waiting[]): void => {
		for (const one of due) if (!this.#waiting.some(({ id, at }) => id === one.id && at === one.at)) this.addTurn(one);
	};

	/** One message in any case: of several that name the same row, each does one of its lane. */
	addTurn(due: Waiting): void {
		if (due.at - this.#ports.clock.now() <= FARTHEST_MS) this.#waiting.push(due);
	}

	/** Never rejects and never takes long: what is lost here is found by the sweep. */
	readonly flush = async (): Promise<void> => {
		const hints = this.#waiting.splice(0);
		for (let sent = 0; sent < hints.length; sent += IN_A_SEND) await this.#send(hints.slice(sent, sent + IN_A_SEND));
	};

	async #send(hints: Waiting[]): Promise<void> {
		const now = this.#ports.clock.now();
		// rounded up, so that no message comes before its row is due
		const delay = (at: number) => Math.max(0, Math.ceil((at - now) / 1000));
		const messages = hints.map(({ kind, id, at }) => ({ body: { kind, id }, delaySeconds: delay(at) }));
		let timer: ReturnType<typeof setTimeout> | undefined;
		const late = new Promise<never>((_, reject) => {
			timer = setTimeout(() => reject(new Error(`the queue did not answer within ${SEND_DEADLINE_MS} ms`)), SEND_DEADLINE_MS);
		});
		try {
			await Promise.race([this.#queue.sendBatch(messages), late]);
		} catch (e) {
			this.#ports.log.warn({ hints: hints.length, err: e }, "hints.lost");
		} finally {
			clearTimeout(timer);
		}
	}
}
