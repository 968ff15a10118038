import { submitAll } from "./clients.ts";
import { type Fault, faultsOf } from "./faults.ts";
import { count, readHistory } from "./history.ts";
import { type Judgement, judge } from "./judge.ts";
import { allEnded, allTold, decideUnknown } from "./settled.ts";
import { startCluster } from "./setup.ts";
import { untilWithin } from "./until.ts";

export interface Plan {
	jobs: number;
	/** Jobs that are being submitted at once. */
	atOnce: number;
	/** In this order, each in the middle of an equal share of the submits; what is killed or frozen goes round. */
	faults: readonly Fault[];
	/** Of one request to the provider and of one callback; a lease is twice this and the margin. */
	deadlineMs: number;
	marginS: number;
	/** For everything from the start to the last callback. */
	limitMs: number;
}

export interface Figures extends Judgement {
	kills: number;
	freezes: number;
	restarts: number;
	/** Submits that were answered otherwise than 202, and sent again, by status; 0: there was no answer. */
	refused: Record<string, number>;
	/** Processes that ended by themselves. */
	crashes: string[];
	seconds: number;
}

/** What `plan` does to a cluster of its own, and what became of every job. Leaves nothing behind, however it ends. */
export async function run(plan: Plan, stopped: AbortSignal, say: (line: string) => void = () => {}): Promise<Figures> {
	const began = performance.now();
	const seconds = () => Math.round((performance.now() - began) / 100) / 10;
	const tell = (line: string) => say(`${seconds().toFixed(1).padStart(6)} s  ${line}`);
	const undo: (() => unknown)[] = [];
	const over = new AbortController();
	const ended = AbortSignal.any([stopped, over.signal]);
	let underWay: Promise<unknown>[] = [];
	try {
		const until = untilWithin(plan.limitMs, ended);
		const cluster = await startCluster(plan, undo);
		const { sql, nodes, proxy, provider, receiver } = cluster;
		tell(`${nodes.length} processes on one PostgreSQL, behind ${proxy.url}`);

		let allowed = 0;
		const load = { jobs: plan.jobs, atOnce: plan.atOnce, url: proxy.url, webhookUrl: receiver.url, allowed: () => allowed, stopped: ended };
		const { accepted, refused, done } = submitAll(load);
		const faults = faultsOf({ ...cluster, until, deadlineMs: plan.deadlineMs });
		const inflict = async () => {
			const share = plan.jobs / plan.faults.length;
			for (const [i, fault] of plan.faults.entries()) {
				// in the middle of its share, so that submits are under way and more are to come
				allowed = Math.ceil((i + 1) * share);
				await until("the next fault's turn", () => accepted.size >= Math.floor((i + 0.5) * share));
				tell(`${accepted.size} accepted; ${await faults.inflict[fault]()}`);
			}
		};
		underWay = [inflict(), done];
		await Promise.all(underWay);
		tell(`${accepted.size} accepted, all faults over`);
		const unknown = await decideUnknown({ sql, until, url: proxy.url, provider });
		tell(`the end of all is known but of ${unknown}, which are given up`);
		await allEnded(sql, until, accepted.size);
		await allTold(sql, until);
		tell(`all have ended and were told, ${await count(sql, "events")} events`);

		const seen = {
			...{ offered: plan.jobs, accepted, received: receiver.received, inFlight: faults.inFlight },
			...{ jobsOf: provider.jobsOf, made: await provider.made() },
			...{ lines: nodes.flatMap(({ lines }) => lines), frozenLines: [...faults.frozen].flatMap(({ lines }) => lines) },
		};
		return {
			...judge(await readHistory(sql), seen),
			kills: plan.faults.filter((fault) => fault === "kill").length,
			freezes: plan.faults.filter((fault) => fault === "freeze").length,
			restarts: plan.faults.filter((fault) => fault === "restart").length,
			refused: Object.fromEntries(refused),
			crashes: nodes.flatMap(({ crashes }) => crashes),
			seconds: seconds(),
		};
	} finally {
		over.abort();
		await Promise.allSettled(underWay); // one that fails must not start anything behind our back
		for (const one of undo.reverse()) await one();
	}
}
