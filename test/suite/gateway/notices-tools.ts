import { sql } from "drizzle-orm";
import { compileSql } from "../../../src/db/compile.ts";
import type { Bound } from "../../../src/db/db.ts";
import { newLane } from "../../../src/lanes/lane.ts";
import { pauseAccount } from "../../../src/lanes/pause.ts";
import * as facts from "../../../src/outbound/notices/facts.ts";
import { type Notice, tellNotices, workOf } from "../../../src/outbound/notices/notice.ts";
import { NOTICE_TYPES, type NoticeType } from "../../../src/outbound/notices/types.ts";
import type { World } from "../../support/world.ts";

export const OPERATOR = "https://operator.example.com/notices";
export const BROKEN = "https://broken.example.com/hooks?token=a-secret";
export const HOUR = 3_600_000;

export const operatorEndpoint = (world: World, over: Record<string, unknown> = {}) =>
	world.endpoint({ url: OPERATOR, event_types: NOTICE_TYPES, ...over });

const setEndpoint = compileSql<
	{ id: string; state: string; reason: string | null; since: number | null; succeeded: number; now: number },
	never
>(
	[],
	(
		p,
	) => sql`UPDATE endpoints SET state = ${p.state}, reason = ${p.reason}, failing_since = ${p.since}, succeeded_at = ${p.succeeded}, updated_at = ${p.now}
		WHERE id = ${p.id}`,
);
/** A delivery that was given up after two attempts, as its row says it. */
const putDelivery = compileSql<Record<"id" | "app" | "event" | "type" | "target" | "lane", string> & { now: number }, never>(
	[],
	(
		p,
	) => sql`INSERT INTO deliveries (id, app_id, job_id, event_id, event_type, target, state, lane_id, attempts, failures, armed_at, created_at, ended_at)
		VALUES (${p.id}, ${p.app}, 'job_1', ${p.event}, ${p.type}, ${p.target}, 'exhausted', ${p.lane}, 2, 2, ${p.now}, ${p.now}, ${p.now})`,
);
export const putExhausted = (world: World, at: { delivery: string; target: string; lane: string; eventType?: string }) =>
	putDelivery.bind({
		...{ id: at.delivery, app: world.appId, event: `evt_of_${at.delivery}`, type: at.eventType ?? "job.completed" },
		...{ target: at.target, lane: at.lane, now: world.now() },
	});
export const exhausted = (world: World, at: { delivery: string; target: string; lane: string; eventType?: string; n?: number }) =>
	facts.exhaustedNotice({
		...{
			app: world.appId,
			delivery: at.delivery,
			event: `evt_of_${at.delivery}`,
			eventType: at.eventType ?? "job.completed",
			job: "job_1",
		},
		...{ target: at.target, lane: at.lane, n: at.n ?? 2, reason: "http_500", now: world.now() },
	});

/** What makes a fact true, and its notice. */
export interface Case {
	make: Bound<unknown>[];
	notice: Notice;
}
let deliveries = 0;

/** Each of the facts, about this endpoint; `since` tells it from the one before. */
export function caseOf(world: World, type: NoticeType, endpoint: string, since = world.now() - 1000): Case[] {
	const now = world.now();
	const about = { app: "app_of_it", endpoint, url: BROKEN, now };
	const set = (state: string, reason: string | null, failingSince: number | null, succeeded = now) =>
		setEndpoint.bind({ id: endpoint, state, reason, since: failingSince, succeeded, now });
	const failing: Case = {
		make: [set("enabled", null, since, since - 5)],
		notice: facts.failingNotice({
			...about,
			failingSince: since,
			succeededAt: since - 5,
			failures: 7,
			reason: "http_500",
			disableAt: now + HOUR,
		}),
	};
	switch (type) {
		case "endpoint.failing":
			return [failing];
		case "endpoint.recovered":
			return [failing, { make: [set("enabled", null, null)], notice: facts.recoveredNotice({ ...about, failingSince: since }) }];
		case "endpoint.disabled": {
			const notice = facts.disabledNotice({ ...about, reason: "failing", failingSince: since, succeededAt: 0, failures: 30 });
			return [{ make: [set("disabled", "failing", since)], notice }];
		}
		case "delivery.exhausted": {
			const at = { delivery: `dlv_${deliveries++}`, target: endpoint, lane: endpoint };
			return [{ make: [putExhausted(world, at)], notice: exhausted(world, at) }];
		}
		case "account.paused": {
			const pause = { account: "deapi:default", reason: "http_401", now, until: now + 30_000 };
			const lane = "deapi:default/txt2img";
			return [
				{
					make: [newLane({ id: lane, kind: "dispatch", accountId: pause.account }), pauseAccount.bind({ ...pause, kind: "dispatch" })],
					notice: facts.accountPausedNotice({ ...pause, provider: "deapi", lane, deadlineMs: 72 * HOUR }),
				},
			];
		}
	}
}

/** One batch, as the service writes it. */
export async function write(world: World, make: Bound<unknown>[], ...notices: Notice[]): Promise<void> {
	tellNotices(world.deps, notices, await world.deps.db.batch<Bound<unknown>[]>([...make, ...workOf(notices)]));
}
export async function happens(world: World, type: NoticeType, endpoint: string, since?: number): Promise<void> {
	for (const { make, notice } of caseOf(world, type, endpoint, since)) await write(world, make, notice);
}

export interface EventView {
	id: string;
	type: string;
	job: string | null;
}
export const noticesOf = async (world: World, type: NoticeType) =>
	((await (await world.request(`/v1/events?type=${type}`)).json()) as { data: EventView[] }).data;
export const counters = async (world: World) =>
	((await (await world.request("/v1/counters")).json()) as { data: Record<NoticeType, number> }).data;
export const logged = (world: World, type: NoticeType) => world.lines.filter(({ level, what }) => level === "warn" && what === type);
/** What this receiver was told, in order. */
export const heard = (world: World, at = OPERATOR) =>
	world.callbacks.filter(({ url }) => url === at).map(({ headers }) => headers["x-deapi-event"]);
