import { type SQL, sql } from "drizzle-orm";
import { compileSql, type Slots } from "../db/compile.ts";
import type { Bound } from "../db/db.ts";
import { lanes } from "../db/schema.ts";
import type { Deps } from "../deps.ts";
import { mayBeWritten } from "../errors.ts";
import { type Beside, type Kind, leaseFrom, type Ports } from "./claim.ts";
import { lookAgain } from "./look-again.ts";
import { openAt, paidUntil, startsLeft } from "./pace.ts";
import { type Claimable, leaseOf, slotsOf, walkOf } from "./sql.ts";

const LANES_IN_A_WALK = 100;
/** 20,000 lanes with work in one lap; those behind them wait until some of these have none. */
const WALKS = 200;

/** Rows that are counted of those that wait for a lane's pace. */
const CROWD = sql.raw("1000");

type Ahead = { id: string; at: number };

/** Work that is taken one row at a time, by whoever is told that this row is due. */
export class Turns<Row extends { id: string; laneId: string }> {
	readonly #kind: Kind<Row>;
	readonly #statements: ReturnType<typeof turnsOver>;

	constructor(kind: Kind<Row>) {
		this.#kind = kind;
		this.#statements = turnsOver(kind);
	}

	/**
	 * Claims the row, or, where somebody has it, the one that has waited longest in its lane: then of ten that are told of the
	 * same row none has come for nothing. Null: nothing of its lane can be taken now. The caller starts it at once: its lease runs.
	 */
	async take(ports: Ports, id: string): Promise<Row | null> {
		const now = ports.clock.now();
		const beside: Beside = { id, claim: crypto.randomUUID() };
		const taking = [
			this.#statements.take.bind({ ...beside, now, ...leaseFrom(this.#kind, ports.config, now), perLane: ports.config.laneConcurrency }),
			this.#statements.charge.bind({ ...beside, now }),
		];
		const mine = this.#kind.rowsBeside(beside);
		const rows = await claimed(ports, taking, mine);
		return rows[0] ?? null;
	}

	/** After a turn: when this row is due again, and the next one of its lane that is due now. */
	async after(ports: Ports, { id, laneId: lane }: Row): Promise<{ again: Ahead[]; next: Ahead[] }> {
		const now = ports.clock.now();
		const [again, next] = await ports.db.batch([this.#statements.again.bind({ id }), this.#statements.next.bind({ lane, now })]);
		return { again, next };
	}

	/**
	 * A row that could not be taken: when it can be, where only its time, a pause or the pace of its lane is in the way. Of many
	 * that wait for a lane's pace each is told another time.
	 */
	async later(ports: Ports & Pick<Deps, "random">, id: string): Promise<Ahead[]> {
		const now = ports.clock.now();
		const ahead = await ports.db.read(this.#statements.later.bind({ id, now }));
		return ahead.filter(({ at }) => at > now).map(({ at, crowd, ...one }) => ({ ...one, at: at + Math.round(ports.random() * crowd) }));
	}

	/** The rows that are due now, of each open lane with a free slot as many as a lane has at once, in pieces. */
	async *due(ports: Ports): AsyncGenerator<string[]> {
		let after: string | undefined = "";
		for (let walks = 0; after !== undefined && walks < WALKS; walks++) {
			const now = ports.clock.now();
			const perLane = ports.config.laneConcurrency;
			const rows: { laneId: string; id: string | null }[] = await ports.db.read(
				this.#statements.due.bind({ after, now, limit: LANES_IN_A_WALK, perLane }),
			);
			yield rows.flatMap(({ id }) => id ?? []);
			const seen = new Set(rows.map(({ laneId }) => laneId)).size;
			after = seen < LANES_IN_A_WALK ? undefined : rows.at(-1)?.laneId;
		}
	}
}

/**
 * Reads what the claim took. D1 can lose the answer to what it committed, and a send that is ours and never begins would be of
 * unknown outcome: so it is looked for, for as long as D1 takes to come back. The lease has room for that.
 */
async function claimed<Row>({ db }: Ports, taking: Bound<unknown>[], mine: Bound<Row>): Promise<Row[]> {
	try {
		const results = await db.batch<Bound<unknown>[]>([...taking, mine]);
		return results.at(-1) as Row[];
	} catch (e) {
		if (!mayBeWritten(e)) throw e;
		const rows = await lookAgain(() => db.read(mine));
		if (rows === null || rows.length === 0) throw e;
		return rows;
	}
}

function turnsOver({ table, set }: Claimable) {
	const ahead = (more: SQL, p: Slots<{ id: string }>) => sql`SELECT own.id,
		CASE WHEN ${openAt("l")} > own.next_attempt_at THEN ${openAt("l")} ELSE own.next_attempt_at END AS at ${more}
		FROM ${table} own JOIN ${lanes} l ON l.id = own.lane_id
		WHERE own.id = ${p.id} AND own.claim_id IS NULL AND own.next_attempt_at IS NOT NULL`;
	return {
		take: compileSql<{ id: string; claim: string; now: number; lease: number; deadline: number; perLane: number }, { id: string }>(
			["id"],
			(
				p,
			) => sql`UPDATE ${table} SET claim_id = ${p.claim}, claimed_at = ${p.now}, next_attempt_at = ${leaseOf(sql`${table}.lane_id`, p)}, ${set(p)}
			WHERE id = (
				SELECT coalesce(
					(SELECT own.id FROM ${table} own WHERE own.id = asked.id AND own.next_attempt_at <= ${p.now} AND own.claim_id IS NULL),
					(SELECT t.id FROM ${table} t WHERE t.lane_id = asked.lane_id AND t.next_attempt_at <= ${p.now} AND t.claim_id IS NULL
						ORDER BY t.next_attempt_at LIMIT 1)
				)
				FROM ${table} asked JOIN ${lanes} l ON l.id = asked.lane_id
				WHERE asked.id = ${p.id} AND l.not_before <= ${p.now} AND coalesce(${startsLeft("l", p.now)}, 1) > 0 AND ${slotsOf("l", p.perLane)} >
					(SELECT count(*) FROM ${table} t WHERE t.lane_id = asked.lane_id AND t.claim_id IS NOT NULL)
			) AND claim_id IS NULL AND next_attempt_at <= ${p.now} RETURNING id`,
		),
		charge: compileSql<{ id: string; claim: string; now: number }, { id: string }>(
			["id"],
			(p) => sql`UPDATE ${lanes} SET paced_at = ${paidUntil(p.now, sql`1`)}
			WHERE id = (SELECT asked.lane_id FROM ${table} asked WHERE asked.id = ${p.id}) AND spacing_ms IS NOT NULL
				AND EXISTS (SELECT 1 FROM ${table} t WHERE t.lane_id = ${lanes.id} AND t.claim_id = ${p.claim}) RETURNING id`,
		),
		/** When a row that nobody has is due, or its lane is open and its pace lets one start. */
		again: compileSql<{ id: string }, Ahead>(["id", "at"], (p) => ahead(sql``, p)),
		/** The same, and how long those that wait in a lane with a pace will take, milliseconds. */
		later: compileSql<{ id: string; now: number }, Ahead & { crowd: number }>(["id", "at", "crowd"], (p) =>
			ahead(
				sql`, coalesce(l.spacing_ms, 0) * (SELECT count(*) FROM (
					SELECT 1 FROM ${table} t WHERE t.lane_id = own.lane_id AND t.next_attempt_at <= ${p.now} AND t.claim_id IS NULL LIMIT ${CROWD}
				) AS waiting)`,
				p,
			),
		),
		next: compileSql<{ lane: string; now: number }, Ahead>(
			["id", "at"],
			(p) => sql`SELECT t.id, t.next_attempt_at AS at FROM ${table} t JOIN ${lanes} l ON l.id = t.lane_id AND ${openAt("l")} <= ${p.now}
			WHERE t.lane_id = ${p.lane} AND t.next_attempt_at <= ${p.now} AND t.claim_id IS NULL ORDER BY t.next_attempt_at LIMIT 1`,
		),
		/** Every lane that was seen has a row, with an id or without. */
		due: compileSql<{ after: string; now: number; limit: number; perLane: number }, { laneId: string; id: string | null }>(
			["laneId", "id"],
			(p) => sql`WITH RECURSIVE ${walkOf(table, p.after)}, seen AS (
				SELECT walk.lane_id, ${openAt("l")} AS open_at, ${slotsOf("l", p.perLane)} -
					(SELECT count(*) FROM ${table} t WHERE t.lane_id = walk.lane_id AND t.claim_id IS NOT NULL) AS free
				FROM walk JOIN ${lanes} l ON l.id = walk.lane_id WHERE walk.lane_id IS NOT NULL LIMIT ${p.limit}
			)
			SELECT seen.lane_id, due.id FROM seen LEFT JOIN ${table} due ON seen.open_at <= ${p.now} AND seen.free > 0 AND due.id IN (
				SELECT t.id FROM ${table} t WHERE t.lane_id = seen.lane_id AND t.next_attempt_at <= ${p.now} AND t.claim_id IS NULL
				ORDER BY t.next_attempt_at LIMIT ${p.perLane}
			) ORDER BY seen.lane_id`,
		),
	};
}
