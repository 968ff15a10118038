import type { Config } from "../config.ts";
import type { Bound } from "../db/db.ts";
import type { Deps } from "../deps.ts";
import { mayBeWritten } from "../errors.ts";
import { lookAgain } from "./look-again.ts";
import { type Allot, allotFreely, type Share } from "./shares.ts";
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
	/** How long one piece takes at most, where its lane has no deadline of its own. */
	deadlineMs: (config: Config) => number;
}

export const leaseMs = ({ deadlineMs }: Pick<Kind<unknown>, "deadlineMs">, config: Config): number =>
	2 * deadlineMs(config) + config.leaseMarginMs;
/** What a claim binds: the end of its lease, and the deadline that was reckoned with. */
export const leaseFrom = (kind: Pick<Kind<unknown>, "deadlineMs">, config: Config, now: number) => ({
	lease: now + leaseMs(kind, config),
	deadline: kind.deadlineMs(config),
});

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
	 * Every row is to be started at once: its lease runs. `allot` says how many a lane may have; one that may have none is
	 * passed over, for those behind it may be somebody else's.
	 */
	async round(ports: Ports, room: number, allot: Allot = allotFreely): Promise<Round<Row>> {
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
			const due = seen.filter((lane) => lane.dueAt <= now && lane.slots > lane.busy);
			const served = allot.shares(due, room - rows.length);
			const taken = await this.#take(
				ports,
				served.filter(({ most }) => most > 0),
				now,
			);
			for (const { lane, rows: mine } of taken) {
				allot.took(lane, mine.length);
				rows.push(...mine);
			}
			const times = [...seen.map(({ dueAt, laterAt }) => (dueAt > now ? dueAt : laterAt)), ...taken.map(({ openAt }) => openAt)];
			for (const at of times) if (at !== null) lap.nextDueAt = Math.min(lap.nextDueAt ?? at, at);
			const all = served.length === due.length;
			this.#after = (all ? seen.at(-1) : served.at(-1)?.lane)?.laneId ?? this.#after;
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

	/** What was taken of each, and of one with a pace when it may start the next. */
	async #take(ports: Ports, shares: Share[], now: number): Promise<Taken<Row>[]> {
		if (shares.length === 0) return [];
		const claim = crypto.randomUUID();
		const lease = leaseFrom(this.#kind, ports.config, now);
		const perLane = ports.config.laneConcurrency;
		const locks = ports.db.dialect === "postgres";
		const work: Bound<unknown>[] = [];
		const places = shares.map(({ lane: { laneId: lane, paced }, most }) => {
			const wanted = { lane, claim, now, ...lease, room: most, perLane };
			if (locks) work.push(lockLane.bind({ lane }));
			work.push((locks ? this.#statements.takeLocked : this.#statements.take).bind(wanted));
			const charge = paced === 1 ? work.push(this.#statements.charge.bind({ lane, claim, now })) - 1 : -1;
			return { charge, rows: work.push(this.#kind.rowsOf({ lane, claim })) - 1 };
		});
		try {
			const results = await ports.db.batch<Bound<unknown>[]>(work);
			return shares.map(({ lane }, i) => {
				const { charge, rows } = places[i] as (typeof places)[number];
				const [charged] = (results[charge] ?? []) as { openAt: number }[];
				return { lane, rows: results[rows] as Row[], openAt: charged?.openAt ?? null };
			});
		} catch (e) {
			if (!mayBeWritten(e)) throw e;
			const looks = shares.map(async ({ lane }) => {
				const rows = await lookAgain(() => ports.db.read(this.#kind.rowsOf({ lane: lane.laneId, claim })));
				return { lane, rows: rows ?? [], openAt: null };
			});
			const taken = await Promise.all(looks);
			if (taken.every(({ rows }) => rows.length === 0)) throw e;
			return taken; // the answer was lost, not the claim
		}
	}
}

interface Taken<Row> {
	lane: Lane;
	rows: Row[];
	openAt: number | null;
}

const statementsOver = (work: Claimable) => ({
	walk: walking(work.table),
	take: taking(work),
	takeLocked: takingLocked(work),
	charge: charging(work),
});
