import net from "node:net";
import { clearTimeout, setTimeout } from "node:timers"; // which no test turns: the server keeps its own time
import postgres from "postgres";
import { JobhookError } from "../errors.ts";
import { isStale } from "./postgres-error.ts";
import type { Statement } from "./postgres-statement.ts";

const CONNECT_DEADLINE_MS = 2000;

export interface ConnectionOptions {
	/** Whether the connection is ours alone, so that it may keep plans. */
	prepare: boolean;
	/** For all of a batch; then the connection is given up. Longer than what the server allows one statement. */
	deadlineMs: number;
	/** How a batch begins. */
	begin: string;
	driver: postgres.Options<{ bigint: postgres.PostgresType }>;
}

type Ran = unknown[][] & { command: string };
/** The driver's own, as of 3.4.9; `postgres-flights.postgres.test.ts` sees whether they still do. */
interface Inside {
	parameters: string[];
	prepared: boolean;
	values(): Promise<Ran> & Inside;
}

/** Hosts of a URL that names several are tried in turn. */
let turn = 0;

/**
 * One connection for one batch at a time, each in a single flight. A driver of its own for each, because within one that has
 * several, a reservation that fails leaves behind another that nobody holds, statements that wait behind a lost connection
 * never end, and it may be handed out again. Here a connection that was lost, or is silent for too long, ends with its socket.
 */
export class PostgresConnection {
	readonly #options: ConnectionOptions;
	readonly #sql: postgres.Sql;
	#line: postgres.ReservedSql | undefined;
	#socket: net.Socket | undefined;
	#onDrop: ((e: Error) => void) | undefined;
	#dials = 0;
	#open = true;

	constructor(url: string, options: ConnectionOptions) {
		this.#options = options;
		const own = { max: 1, max_pipeline: 1000, socket: (to: Target) => this.#dial(to), onclose: () => this.#drop("the server closed it") };
		this.#sql = postgres(url, { ...options.driver, ...own });
	}

	get open(): boolean {
		return this.#open;
	}

	/** Their rows, in order. More than one statement, or `atomic`: from BEGIN to COMMIT. Rejects with the first failure. */
	async run(work: readonly Statement[], atomic: boolean): Promise<unknown[][][]> {
		const line = await this.#connected();
		// without waiting: after a statement that failed the server refuses the rest, and COMMIT rolls back
		const start = () => {
			const started = work.map((one) => this.#start(line, one));
			return atomic ? [line.unsafe(this.#options.begin), ...started, line.unsafe("COMMIT")] : started;
		};
		this.#socket?.cork();
		setImmediate(() => this.#socket?.uncork());
		const settled = await this.#within(this.#options.deadlineMs, Promise.allSettled(start()));
		const failed = settled.find((one) => one.status === "rejected");
		if (failed !== undefined) {
			if (isStale(failed.reason)) this.#drop("its plans are out of date");
			throw failed.reason;
		}
		const rows = settled.map((one) => (one as PromiseFulfilledResult<Ran>).value);
		if (!atomic) return rows;
		if (rows.at(-1)?.command !== "COMMIT") throw new Error(`a batch ended with ${rows.at(-1)?.command} instead of COMMIT`);
		return rows.slice(1, -1);
	}

	async end(): Promise<void> {
		if (!this.#open) return;
		this.#line?.release();
		await this.#sql.end({ timeout: 1 });
		this.#drop("it was ended");
	}

	async #connected(): Promise<postgres.ReservedSql> {
		try {
			this.#line ??= await this.#within(CONNECT_DEADLINE_MS, this.#connect());
			return this.#line;
		} catch (e) {
			this.#drop("it was never made");
			throw new JobhookError("unavailable", "no connection to the database; nothing was written", { cause: e });
		}
	}

	/** A reservation alone would never resolve where the driver has no statement of its own to begin with. */
	async #connect(): Promise<postgres.ReservedSql> {
		await this.#sql.unsafe("SELECT 1");
		return this.#sql.reserve();
	}

	/**
	 * Values go out with their statement: handed over as arguments, the driver would wait for their types first. And nothing
	 * may run again by itself, as the driver would have it for a plan that is out of date: that would be behind COMMIT.
	 */
	#start(line: postgres.ReservedSql, { sql, params }: Statement): Promise<Ran> {
		const onexecute = () => {
			query.prepared = false;
			return true;
		};
		const options: object = { prepare: this.#options.prepare, simple: false, onexecute };
		const query = (line.unsafe(sql, [], options) as unknown as Inside).values();
		return Object.assign(query, { parameters: params });
	}

	#dial({ host, port, path }: Target): net.Socket {
		// a server or a pooler that takes calls and closes them: the driver would go on for ever, without a pause
		if (this.#dials++ === host.length) this.#drop("it was closed before the login");
		if (!this.#open) throw new Error("the connection was dropped");
		const n = turn++ % host.length;
		const at = { host: host[n] ?? "", port: port[n] ?? 0 };
		this.#socket = path ? net.connect({ path }) : net.connect({ ...at, noDelay: true });
		return Object.assign(this.#socket, at); // names the certificate that is expected
	}

	#drop(why: string): void {
		if (!this.#open) return;
		this.#open = false;
		this.#socket?.destroy();
		this.#onDrop?.(Object.assign(new Error(`the connection to the database was lost: ${why}`), { code: "CONNECTION_LOST" }));
	}

	/** Rejects when the connection is dropped, and drops it when it is late. */
	#within<T>(ms: number, promise: Promise<T>): Promise<T> {
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => this.#drop(`no answer for ${ms / 1000} s`), ms);
			const end = <V>(settle: (value: V) => void) => {
				return (value: V) => {
					clearTimeout(timer);
					this.#onDrop = undefined;
					settle(value);
				};
			};
			this.#onDrop = end(reject);
			promise.then(end(resolve), end(reject));
		});
	}
}

interface Target {
	host: string[];
	port: number[];
	path: string | false;
}
