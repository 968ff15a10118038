import type { Config } from "../config.ts";
import type { Bound } from "../db/db.ts";
import type { Deps } from "../deps.ts";
import { mayBeWritten } from "../errors.ts";
import { lookAgain } from "./look-again.ts";
import { type Claimable, charging, type Lane, lockLane, taking, takingLocked, walking } from "./sql.ts";

/** Lanes looked at in one statement. Each costs a few index seeks, so a round stays short however many rows wait. */
const WALK = 100;
const WALKS_PER_ROUND = 20;

export type Ports = Pick<Deps, "db" | "clock" | "config">;

/** One kind of work, and how it is claimed. */
export interface Kind<Row> extends Claimable {
	/** What was just claimed of a lane, read in the same batch. */
	rowsOf: (claim: Claim) => Bound<Row>;
	/** The same where only a row of the lane is known. */
	rowsBeside: (claim: Beside) => Bound<Row>;
	leaseMs: (config: Config) => number;
	/** Whether lanes of it may have a pace. */
	paced: boolean;
}

export interface Claim {
	lane: string;
	claim: string;
}
export interface Beside {
	id: string;
	claim: string;
}
export interface Round<Row> {
	rows: Row[];
	/** When the first row that is not due yet will be, now where lanes were left unseen; null when none waits. */
	nextDueAt: number | null;
}

/** Remembers where the last round stopped, so that no lane is always first. */
export class Claimer<Row> {
	readonly #statements: ReturnType<typeof statementsOver>;
	readonly #kind: Kind<Row>;
	#after = "";
	/** One that was not finished: where it began, and what it saw. */
	#lap: { start: string; nextDueAt: number | null } | null = null;

	constructor(kind: Kind<Row>) {
		this.#statements = statementsOver(kind);
		this.#kind = kind;
	}

	/**
	 * Claims at most `room` due rows, going round all lanes once; past `WALKS_PER_ROUND` the next round goes on with the lap.
	 * Every row is to be started at once: its lease runs.
	 */
	async round(ports: Ports, room: number): Promise<Round<Row>> {
		const rows: Row[] = [];
		const lap = this.#lap ?? { start: this.#after, nextDueAt: null };
		this.#lap = null;
		for (let walks = 0; rows.length < room; walks++) {
			const now = ports.clock.now();
			if (walks === WALKS_PER_ROUND) {
				this.#lap = lap;
				return { rows, nextDueAt: now };
			}
			const seen = await this.#next(ports, lap.start, now);
			const due = seen.filter((lane) => lane.dueAt <= now && lane.free > 0);
			const served = due.slice(0, room - rows.length);
			rows.push(...(await this.#take(ports, served, room - rows.length, now)));
			for (const { dueAt, laterAt } of seen) {
				const at = dueAt > now ? dueAt : laterAt;
				if (at !== null) lap.nextDueAt = Math.min(lap.nextDueAt ?? at, at);
			}
			const all = served.length === due.length;
			this.#after = (all ? seen : served).at(-1)?.laneId ?? this.#after;
			if (all && (seen.length < WALK || this.#after === lap.start)) break;
		}
		return { rows, nextDueAt: lap.nextDueAt };
	}

	/**
	 * The next lanes of a lap that began behind `start`: on to the last name, then from the first one up to `start`. Both in
	 * one list, else the few that are left before the last name would share all the room.
	 */
	async #next(ports: Ports, start: string, now: number): Promise<Lane[]> {
		const walk = (after: string, limit: number) =>
			ports.db.read(this.#statements.walk.bind({ after, now, limit, perLane: ports.config.laneConcurrency }));
		const upToStart = (lanes: Lane[]) => lanes.filter(({ laneId }) => laneId <= start);
		const lanes = await walk(this.#after, WALK);
		if (this.#after < start) return upToStart(lanes);
		return lanes.length < WALK ? [...lanes, ...upToStart(await walk("", WALK - lanes.length))] : lanes;
	}

	async #take(ports: Ports, due: Lane[], room: number, now: number): Promise<Row[]> {
		if (due.length === 0) return [];
		const claim = crypto.randomUUID();
		const share = Math.max(1, Math.floor(room / due.length));
		const lease = now + this.#kind.leaseMs(ports.config);
		const perLane = ports.config.laneConcurrency;
		const locks = ports.db.dialect === "postgres";
		const reads: Bound<Row>[] = [];
		const work: Bound<unknown>[] = due.flatMap(({ laneId: lane, paced }) => {
			const wanted = { lane, claim, now, lease, room: share, perLane };
			const take = locks ? [lockLane.bind({ lane }), this.#statements.takeLocked.bind(wanted)] : [this.#statements.take.bind(wanted)];
			const read = this.#kind.rowsOf({ lane, claim });
			reads.push(read);
			return [...take, ...(paced === 1 ? [this.#statements.charge.bind({ lane, claim, now })] : []), read];
		});
		try {
			const results = await ports.db.batch<Bound<unknown>[]>(work);
			return results.filter((_, i) => reads.includes(work[i] as Bound<Row>)).flat() as Row[];
		} catch (e) {
			if (!mayBeWritten(e)) throw e;
			const claims = due.map(({ laneId: lane }) => lookAgain(() => ports.db.read(this.#kind.rowsOf({ lane, claim }))));
			const rows = (await Promise.all(claims)).flatMap((found) => found ?? []);
			if (rows.length === 0) throw e;
			return rows; // the answer was lost, not the claim
		}
	}
}

const statementsOver = (work: Claimable) => ({
	walk: walking(work.table),
	take: taking(work),
	takeLocked: takingLocked(work),
	charge: charging(work),
});
