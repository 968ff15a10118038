import { newId } from "../../../src/core/ids.ts";
import type { Bound } from "../../../src/db/db.ts";
import { insertRow } from "../../../src/db/insert.ts";
import { deliveries, events, jobs } from "../../../src/db/schema.ts";
import { newLane } from "../../../src/lanes/lane.ts";
import { laneOfUrl } from "../../../src/outbound/fanout.ts";
import { Sweep } from "../../../src/sweep.ts";
import type { World } from "../../support/world.ts";
import { jobRow } from "../store/rows.ts";

const insert = { job: insertRow(jobs), event: insertRow(events), delivery: insertRow(deliveries) };

/** Deliveries that are due now, to an endpoint of the app or to each of the jobs' URLs. */
export async function due(world: World, appId: string, targets: readonly ({ endpoint: string } | { url: string })[]): Promise<void> {
	const now = world.now();
	const work = targets.flatMap((target): Bound<unknown>[] => {
		const [jobId, eventId] = [newId("job", now), newId("evt", now)];
		const of = { appId, jobId, createdAt: now };
		const webhookUrl = "url" in target ? target.url : null;
		const laneId = "url" in target ? laneOfUrl(appId, target.url) : target.endpoint;
		return [
			...("url" in target ? [newLane({ id: laneId, kind: "url", appId })] : []),
			insert.job.bind(jobRow(jobId, { appId, state: "completed", webhookUrl, createdAt: now, endedAt: now })),
			insert.event.bind({ id: eventId, ...of, type: "job.completed", revision: 1, body: "{}" }),
			insert.delivery.bind({
				...{ id: newId("dlv", now), ...of, eventId, eventType: "job.completed", laneId, state: "pending", nextAttemptAt: now },
				...{ target: "url" in target ? "job" : target.endpoint, claimId: null, claimedAt: null, attempts: 0, failures: 0 },
				...{ reason: null, armedAt: now, endedAt: null },
			}),
		];
	});
	for (let from = 0; from < work.length; from += 200) await world.deps.db.batch(work.slice(from, from + 200));
}

export const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

/** A process that makes rounds over the world's database: what it started counts against its slots until it is done. */
export function processOf(world: World) {
	const sweep = new Sweep(world.deps);
	let inFlight = 0;
	let tended: Promise<void> | undefined;
	/** One round; what it started may go on after it. Returns when the next row is due. */
	async function round(): Promise<number | null> {
		tended ??= sweep.tend();
		await tended;
		const work: (() => Promise<void>)[] = [];
		const room = world.deps.config.processConcurrency - inFlight;
		const { nextDueAt } = await sweep.claim(room, (start) => void work.push(start));
		for (const start of work) {
			inFlight++;
			void start().finally(() => inFlight--);
		}
		await world.settle();
		return nextDueAt;
	}
	return { round, inFlight: () => inFlight };
}

/** Receivers that hang until they are let go; the others answer 200. `open`: what hangs now. */
export function hanging(world: World, hangs: (url: string) => boolean) {
	let open: { url: string; go: () => void }[] = [];
	let most = 0;
	world.onCallback(async ({ url }) => {
		if (hangs(url)) {
			await new Promise<void>((go) => {
				open.push({ url, go });
				most = Math.max(most, open.length);
			});
		}
		return { kind: "response", status: 200, headers: {}, body: "", truncated: false };
	});
	return {
		open: (at = "") => open.filter(({ url }) => url.startsWith(at)).length,
		most: () => most,
		letGo: async () => {
			const gone = open;
			open = [];
			for (const { go } of gone) go();
			await world.settle();
		},
	};
}
