import { sql } from "drizzle-orm";
import { newId } from "../../../src/core/ids.ts";
import { compileSql } from "../../../src/db/compile.ts";
import type { Bound, Db } from "../../../src/db/db.ts";
import { insertRow } from "../../../src/db/insert.ts";
import { events } from "../../../src/db/schema.ts";
import { createHttp } from "../../../src/node/dialer/dialer.ts";
import { fanOut } from "../../../src/outbound/fanout.ts";
import { Sweep } from "../../../src/sweep.ts";
import { openReceiver, type Receiver, type Reply } from "../../support/receiver-server.ts";
import { openWorld } from "../../support/world.ts";

export const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000] as const;
/** Of real time, for one test. */
export const TEST_MS = 60_000;

const insertEvent = insertRow(events);

/** Rows of an endpoint, or of a lane. */
const deliveriesOf = compileSql<{ target: string }, DeliveryRow>(
	["id", "eventId", "state", "reason", "attempts", "failures", "nextAttemptAt", "claimId", "createdAt", "endedAt"],
	(p) => sql`SELECT id, event_id, state, reason, attempts, failures, next_attempt_at, claim_id, created_at, ended_at
		FROM deliveries WHERE target = ${p.target} OR lane_id = ${p.target} ORDER BY created_at, id`,
);
const attemptsOf = compileSql<{ target: string }, AttemptRow>(
	["delivery", "n", "outcome", "reason", "startedAt"],
	(p) => sql`SELECT a.delivery_id, a.n, a.outcome, a.reason, a.started_at FROM attempts a JOIN deliveries d ON d.id = a.delivery_id
		WHERE d.target = ${p.target} OR d.lane_id = ${p.target} ORDER BY a.started_at, a.delivery_id, a.n`,
);
const laneOf = compileSql<{ lane: string }, { notBefore: number; reason: string | null; strikes: number; probation: number }>(
	["notBefore", "reason", "strikes", "probation"],
	(p) => sql`SELECT not_before, reason, strikes, probation FROM lanes WHERE id = ${p.lane}`,
);
const pendingOf = compileSql<{ target: string }, { pending: number }>(
	["pending"],
	(p) => sql`SELECT count(*) AS pending FROM deliveries WHERE lane_id = ${p.target} AND next_attempt_at IS NOT NULL`,
);
type DeliveryRow = {
	id: string;
	eventId: string;
	state: string;
	reason: string | null;
	attempts: number;
	failures: number;
	nextAttemptAt: number | null;
	claimId: string | null;
	createdAt: number;
	endedAt: number | null;
};
type AttemptRow = { delivery: string; n: number; outcome: string; reason: string; startedAt: number };

/**
 * A world whose callbacks to 127.0.0.1 go out over real sockets, by the outbound client of the process. Its clock moves to each
 * moment at which something happens, also while requests are under way.
 */
export async function openFaults(db: Db, env: Record<string, string> = {}) {
	const limits = { CALLBACK_ALLOW: "127.0.0.0/8", REQUESTS_PER_MINUTE: "0", BACKPRESSURE_S: "0" };
	const world = await openWorld(db, { env: { ...limits, ...env } });
	const { deps } = world;
	const [network, dialer] = [deps.http, createHttp(deps.config)];
	deps.http = (request) => (request.url.startsWith("http://127.0.0.1:") ? dialer(request) : network(request));

	const sweep = new Sweep(deps);
	const receivers: Receiver[] = [];
	let underWay = 0;
	let most = 0;
	let changed = () => {};

	const start = (work: () => Promise<void>) => {
		underWay++;
		most = Math.max(most, underWay);
		void work().finally(() => {
			underWay--;
			changed();
		});
	};
	/** Until every request that is under way waits at its receiver for its answer. */
	async function quiet(): Promise<void> {
		while (underWay > receivers.reduce((sum, { count }) => sum + count.waiting, 0))
			await new Promise<void>((resolve) => {
				changed = resolve;
			});
	}

	/** Lets time pass. `sweepMs`: how often what only time leaves behind is looked after. `until` ends it early. */
	async function play(ms: number, { sweepMs = 10 * SECOND, until = () => false as boolean | Promise<boolean> } = {}): Promise<void> {
		const end = world.now() + ms;
		let tendAt = world.now();
		for (;;) {
			if (world.now() >= tendAt) {
				await sweep.tend();
				tendAt = world.now() + sweepMs;
				if (await until()) return;
			}
			for (const receiver of receivers) receiver.letGo();
			await quiet();
			const { started, nextDueAt } = await sweep.claim(deps.config.processConcurrency - underWay, start);
			await quiet();
			if (started > 0) continue;
			const times = [tendAt, end, nextDueAt, ...receivers.map((receiver) => receiver.nextAnswerAt())].filter((at) => at !== null);
			const next = Math.max(world.now() + 1, Math.min(...times));
			if (world.now() >= end) return;
			world.jump(Math.min(next, end) - world.now());
		}
	}

	return {
		world,
		play,
		/** Starts what is due, and returns while its answers are awaited. */
		begin: async () => {
			const { started } = await sweep.claim(deps.config.processConcurrency - underWay, start);
			await quiet();
			return started;
		},
		quiet,
		/** Until all but so many of what was under way has been written down. */
		ended: async (but = 0) => {
			while (underWay > but) await new Promise((resolve) => setImmediate(resolve));
		},
		/** From now on its answers are given by the doors that this returns, in the order of the requests. */
		hold: (receiver: Receiver): ((reply: Reply) => void)[] => {
			const doors: ((reply: Reply) => void)[] = [];
			receiver.answers(() => new Promise((resolve) => void doors.push(resolve)));
			return doors;
		},
		tend: () => sweep.tend(),
		underWay: () => underWay,
		mostUnderWay: () => most,
		receiver: async (latencyMs = 0) => {
			const receiver = await openReceiver(world.now, { latencyMs, changed: () => changed() });
			receivers.push(receiver);
			return receiver;
		},
		/** An event at each of these times, for every endpoint that subscribes to its type: its deliveries are due then. */
		feed: (times: readonly number[], type = "job.completed") => feed(deps.db, world.appId, times, type),
		deliveries: (target: string) => deps.db.read(deliveriesOf.bind({ target })),
		pending: async (target: string) => (await deps.db.read(pendingOf.bind({ target })))[0]!.pending,
		attempts: (target: string) => deps.db.read(attemptsOf.bind({ target })),
		lane: async (lane: string) => (await deps.db.read(laneOf.bind({ lane })))[0]!,
		stateOf: async (endpoint: string) => {
			const response = await world.request(`/v1/endpoints/${endpoint}`);
			const { state, reason } = (await response.json()) as { state: string; reason: string | null };
			return { state, reason };
		},
		post: (path: string, method = "POST", body: unknown = {}) =>
			world.request(path, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
		close: async () => {
			for (const receiver of receivers) await receiver.close();
			await quiet();
			await dialer.close();
			await world.close();
		},
	};
}
export type Faults = Awaited<ReturnType<typeof openFaults>>;

const AT_ONCE = 250;

async function feed(db: Db, appId: string, times: readonly number[], type: string): Promise<string[]> {
	const ids: string[] = [];
	for (let from = 0; from < times.length; from += AT_ONCE) {
		const work: Bound<unknown>[] = times.slice(from, from + AT_ONCE).flatMap((at) => {
			const [id, jobId] = [newId("evt", at), newId("job", at)];
			ids.push(id);
			const body = JSON.stringify({ id, type });
			const { makes } = fanOut({ eventId: id, appId, jobId, terminal: false, now: at, target: null });
			return [insertEvent.bind({ id, appId, jobId, type, revision: 1, body, createdAt: at }), ...makes];
		});
		await db.batch(work);
	}
	return ids;
}

/** So many a second, in small bunches, from `from` on. */
export function steadily(from: number, perSecond: number, forMs: number, bunchMs = 20): number[] {
	const count = Math.round((perSecond * forMs) / SECOND);
	return Array.from({ length: count }, (_, i) => from + Math.floor((i * SECOND) / perSecond / bunchMs) * bunchMs);
}

export const quantile = (values: readonly number[], share: number): number =>
	values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? 0;

export function countBy<T>(values: readonly T[], key: (value: T) => string): Record<string, number> {
	const counts: Record<string, number> = {};
	for (const value of values) counts[key(value)] = (counts[key(value)] ?? 0) + 1;
	return counts;
}

/** How long each took from when it was made to its acknowledgement, milliseconds; all of them have to be delivered. */
export function delaysOf(rows: readonly DeliveryRow[]): number[] {
	const late = rows.filter(({ state }) => state !== "delivered");
	if (late.length > 0)
		throw new Error(`${late.length} of ${rows.length} are not delivered: ${JSON.stringify(countBy(late, ({ state }) => state))}`);
	return rows.map(({ createdAt, endedAt }) => (endedAt ?? 0) - createdAt);
}

/** A line for the log of the run, with its engine. */
export const tell = (faults: Faults, row: number | string, what: string) =>
	console.info(`row ${row} on ${faults.world.deps.db.dialect}: ${what}`);
