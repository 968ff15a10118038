import { sql } from "drizzle-orm";
import { newId } from "../../../src/core/ids.ts";
import { compileSql } from "../../../src/db/compile.ts";
import { insertRow } from "../../../src/db/insert.ts";
import { deliveries, events, jobs } from "../../../src/db/schema.ts";
import type { World } from "../../support/world.ts";
import { call, got, type Shown } from "./calls.ts";

export const HOUR = 3_600_000;
/** An endpoint that is told nothing of its own accord. */
export const QUIET = { event_types: ["job.canceled"] };
type Delivery = typeof deliveries.$inferSelect;
const insert = { job: insertRow(jobs), event: insertRow(events), delivery: insertRow(deliveries) };

/** Deliveries of an endpoint that are exhausted since an hour ago, one made each millisecond; `body` null: not kept any more. */
export async function exhausted(
	world: World,
	endpoint: string,
	count: number,
	options: { from?: number; over?: Partial<Delivery>; body?: string } = {},
): Promise<string[]> {
	const { from = world.now() - HOUR, over = {}, body = "{}" } = options;
	const { appId } = world;
	const jobId = newId("job", from);
	const none = { eventId: null, inputBlob: null, metadata: null, webhookUrl: null, webhookSecret: null, webhookEvents: null };
	const job = { id: jobId, appId, provider: "deapi", type: "txt2img", model: "m", submissionId: newId("sub", from), input: "{}", ...none };
	const times = { createdAt: from, startedAt: from, endedAt: world.now() };
	await world.deps.db.batch([insert.job.bind({ ...job, state: "completed", revision: 2, errorCode: null, errorMessage: null, ...times })]);
	const ids: string[] = [];
	for (let at = 0; at < count; at += 100) {
		const work = Array.from({ length: Math.min(100, count - at) }, (_, i) => {
			const createdAt = from + at + i;
			const [id, eventId] = [newId("dlv", createdAt), newId("evt", createdAt)];
			ids.push(id);
			const of = { appId, jobId };
			const lane = { target: endpoint, laneId: endpoint, nextAttemptAt: null, claimId: null, claimedAt: null };
			const spent = { attempts: 12, failures: 12, reason: "http_500", armedAt: createdAt, createdAt, endedAt: createdAt + 1000 };
			const row = { id, ...of, eventId, eventType: "job.completed", state: "exhausted" as const, ...lane, ...spent, ...over };
			const event = { id: eventId, ...of, type: "job.completed", revision: 10 + at + i, body, createdAt };
			return [insert.event.bind(event), insert.delivery.bind(row)];
		});
		await world.deps.db.batch(work.flat());
	}
	return ids;
}

export const recover = (world: World, endpoint: string, body: object = { since: new Date(world.now() - 24 * HOUR).toISOString() }) =>
	call(world, "POST", `/v1/endpoints/${endpoint}/recover`, body);
export const recovered = (world: World, endpoint: string, body?: object) => got(recover(world, endpoint, body));
export const shown = (world: World, { endpoint, id }: Shown) => got(world.request(`/v1/endpoints/${String(endpoint)}/recoveries/${id}`));

const stateOf = compileSql<
	{ id: string },
	Pick<Delivery, "state" | "reason" | "failures" | "attempts" | "armedAt" | "endedAt" | "nextAttemptAt">
>(
	["state", "reason", "failures", "attempts", "armedAt", "endedAt", "nextAttemptAt"],
	(p) => sql`SELECT state, reason, failures, attempts, armed_at, ended_at, next_attempt_at FROM deliveries WHERE id = ${p.id}`,
);
export const rowOf = async (world: World, id: string) => (await world.deps.db.read(stateOf.bind({ id })))[0]!;

const counts = compileSql<{ endpoint: string }, { state: string; rows: number }>(
	["state", "rows"],
	(p) => sql`SELECT state, count(*) FROM deliveries WHERE target = ${p.endpoint} GROUP BY state`,
);
export const statesOf = async (world: World, endpoint: string): Promise<Record<string, number>> =>
	Object.fromEntries((await world.deps.db.read(counts.bind({ endpoint }))).map(({ state, rows }) => [state, Number(rows)]));

const ahead = compileSql<{ lane: string; now: number }, { rows: number }>(
	["rows"],
	(p) => sql`SELECT count(*) FROM deliveries WHERE lane_id = ${p.lane} AND next_attempt_at <= ${p.now} AND claim_id IS NULL`,
);
/** Due rows of a lane that nobody has taken. */
export const waitingIn = async (world: World, lane: string) =>
	Number((await world.deps.db.read(ahead.bind({ lane, now: world.now() })))[0]!.rows);

const rest = compileSql<{ lane: string; until: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE lanes SET not_before = ${p.until} WHERE id = ${p.lane} RETURNING id`,
);
export const restLane = (world: World, lane: string, until: number) => world.deps.db.batch([rest.bind({ lane, until })]);

/** Which deliveries receivers were sent, in order. */
export const sent = (world: World) => world.callbacks.map(({ headers }) => headers["jobhook-delivery"]!);

/** How far a delivery was sent from its turn, at most: ten of a lane are under way at once, in whatever order. */
export function offTurn(world: World, ids: readonly string[]): number {
	const turns = sent(world).map((id, n) => Math.abs(ids.indexOf(id) - n));
	return turns.length === ids.length ? Math.max(...turns) : Number.NaN;
}
