import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type postgres from "postgres";

const CHANNEL = "jobhook";
const REST_MS = 50;
const LAST_WORD_MS = 1000;

/**
 * Hints between the processes on one database: work is due. They carry nothing but who speaks, so that nobody wakes itself.
 * One that is lost costs the others their time to the next sweep.
 */
export class Notifier {
	readonly #sql: postgres.Sql;
	readonly #rest: () => Promise<unknown>;
	readonly #me = randomUUID();
	#again = false;
	#telling: Promise<void> | undefined;

	/** `rest` is what passes between two hints. */
	constructor(sql: postgres.Sql, rest: () => Promise<unknown> = () => sleep(REST_MS)) {
		this.#sql = sql;
		this.#rest = rest;
	}

	/** Wakes all others. Many calls make few hints; the last one is never swallowed. */
	readonly tell = (): void => {
		this.#again = true;
		this.#telling ??= this.#tellOn();
	};

	/**
	 * Calls `wake` at every hint of another process. Listens on a connection of its own, and anew whenever that was lost: then
	 * it wakes as well, for what was said meanwhile.
	 */
	hear(wake: () => void): void {
		const heard = (who: string) => {
			if (who !== this.#me) wake();
		};
		this.#sql.listen(CHANNEL, heard, wake).catch(() => {}); // it goes on trying by itself
	}

	/** Resolves when what was told is out, or cannot be now. */
	async flush(): Promise<void> {
		const late = new AbortController();
		await Promise.race([this.#telling, sleep(LAST_WORD_MS, undefined, { signal: late.signal }).catch(() => {})]);
		late.abort();
	}

	async #tellOn(): Promise<void> {
		while (this.#again) {
			this.#again = false;
			await this.#sql`SELECT pg_notify(${CHANNEL}, ${this.#me})`.catch(() => {}); // only a hint
			await this.#rest();
		}
		this.#telling = undefined;
	}
}
