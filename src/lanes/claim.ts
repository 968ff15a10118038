import { type SQL, sql } from "drizzle-orm";
import type { Config } from "../config.ts";
import { compileSql, type Slots } from "../db/compile.ts";
import type { Bound } from "../db/db.ts";
import { type deliveries, lanes, type submissions } from "../db/schema.ts";
import type { Deps } from "../deps.ts";

/** Lanes looked at in one statement. Each costs a few index seeks, so a round stays short however many rows wait. */
const WALK = 100;
const WALKS_PER_ROUND = 20;

/** What can be claimed: both tables name their lane, their due time and their claim in the same columns. */
export type Work = typeof deliveries | typeof submissions;
/** One kind of work, and how it is claimed. */
export interface Kind<Row> {
	table: Work;
	/** What a claim changes besides claim, lease and time. */
	set: (p: Slots<{ now: number }>) => SQL;
	/** What was just claimed of a lane, read in the same batch. */
	rowsOf: (claim: Claim) => Bound<Row>;
	/** The same where only a row of the lane is known. */
	rowsBeside: (claim: Beside) => Bound<Row>;
	leaseMs: (config: Config) => number;
}
/** `dueAt`: its first row, or the end of its pause. `laterAt`: its first row after now. `free`: slots, when we looked. */
type Lane = { laneId: string; dueAt: number; laterAt: number | null; free: number };
export type Ports = Pick<Deps, "db" | "clock" | "config">;
/** A lane's own limit, else the setting's: one that is changed counts from the next round on. */
export const slotsOf = (lane: SQL, perLane: SQL) => sql`coalesce(${lane}, CAST(${perLane} AS bigint))`;

/** Lanes after `after`, in order, that have work: a skip scan, which ends with a null. */
export const walkOf = (table: Work, after: SQL): SQL => sql`walk(lane_id) AS (
				SELECT (SELECT lane_id FROM ${table} WHERE next_attempt_at IS NOT NULL AND lane_id > ${after} ORDER BY lane_id LIMIT 1)
				UNION ALL
				SELECT (SELECT t.lane_id FROM ${table} t WHERE t.next_attempt_at IS NOT NULL AND t.lane_id > walk.lane_id ORDER BY t.lane_id LIMIT 1)
				FROM walk WHERE walk.lane_id IS NOT NULL
			)`;

/** The two statements of a claim over one table. */
function claiming({ table, set }: Pick<Kind<unknown>, "table" | "set">) {
	return {
		walk: compileSql<{ after: string; now: number; limit: number; perLane: number }, Lane>(
			["laneId", "dueAt", "laterAt", "free"],
			(p) => sql`WITH RECURSIVE ${walkOf(table, p.after)}, first AS (
				SELECT walk.lane_id, (SELECT min(next_attempt_at) FROM ${table} t WHERE t.lane_id = walk.lane_id AND t.next_attempt_at IS NOT NULL) AS due_at,
					(SELECT min(next_attempt_at) FROM ${table} t WHERE t.lane_id = walk.lane_id AND t.next_attempt_at > ${p.now}) AS later_at
				FROM walk WHERE walk.lane_id IS NOT NULL LIMIT ${p.limit}
			)
			SELECT first.lane_id, CASE WHEN ${lanes.notBefore} > first.due_at THEN ${lanes.notBefore} ELSE first.due_at END AS due_at, first.later_at,
				${slotsOf(sql`${lanes.maxInFlight}`, p.perLane)} - (SELECT count(*) FROM ${table} t WHERE t.lane_id = first.lane_id AND t.claim_id IS NOT NULL) AS free
			FROM first JOIN ${lanes} ON ${lanes.id} = first.lane_id WHERE true ORDER BY first.lane_id`,
		),
		/**
		 * Takes from one open lane its oldest due rows, at most its free slots, counted over all processes. What makes a row
		 * free to take is said once more outside: PostgreSQL reads only that again when another claimer had the row locked.
		 */
		take: compileSql<{ lane: string; claim: string; now: number; lease: number; room: number; perLane: number }, { id: string }>(
			["id"],
			(p) => sql`UPDATE ${table} SET claim_id = ${p.claim}, claimed_at = ${p.now}, next_attempt_at = ${p.lease}, ${set(p)}
			WHERE id IN (
				SELECT id FROM ${table} WHERE lane_id = ${p.lane} AND next_attempt_at <= ${p.now} AND claim_id IS NULL
				ORDER BY next_attempt_at LIMIT coalesce((
					SELECT CASE WHEN free > ${p.room} THEN ${p.room} WHEN free > 0 THEN free ELSE 0 END FROM (
						SELECT ${slotsOf(sql`l.max_in_flight`, p.perLane)} - (SELECT count(*) FROM ${table} t WHERE t.lane_id = l.id AND t.claim_id IS NOT NULL) AS free
						FROM ${lanes} l WHERE l.id = ${p.lane} AND l.not_before <= ${p.now}
					) AS slots
				), 0)
			) AND claim_id IS NULL AND next_attempt_at <= ${p.now} RETURNING id`,
		),
	};
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
	readonly #statements: ReturnType<typeof claiming>;
	readonly #kind: Kind<Row>;
	#after = "";
	/** One that was not finished: where it began, and what it saw. */
	#lap: { start: string; nextDueAt: number | null } | null = null;

	constructor(kind: Kind<Row>) {
		this.#statements = claiming(kind);
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
		const work: Bound<unknown>[] = due.flatMap(({ laneId }) => [
			this.#statements.take.bind({ lane: laneId, claim, now, lease, room: share, perLane }),
			this.#kind.rowsOf({ lane: laneId, claim }),
		]);
		const results = await ports.db.batch<Bound<unknown>[]>(work);
		return results.filter((_, i) => i % 2 === 1).flat() as Row[];
	}
}
