import { claimsInFlight } from "./history.ts";
import type { ClusterNode } from "./node.ts";
import type { Cluster } from "./setup.ts";
import { passed, type Until } from "./until.ts";

/** SIGKILL and a new start; SIGSTOP for twice a lease, then SIGCONT; PostgreSQL halted and started. */
export type Fault = "kill" | "freeze" | "restart";
/** What was in flight right after a fault, and after which. Of these, whose lease then runs out was held by its victim. */
export interface InFlight {
	attempts: Map<string, Fault>;
	sends: Map<string, Fault>;
}

interface Given extends Pick<Cluster, "sql" | "server" | "nodes" | "receiver" | "provider" | "proxy"> {
	until: Until;
	deadlineMs: number;
	leaseMs: number;
}

const TRAILING_MS = 300;
const IN_HAND = 5;
const TRIES = 10;
/** By then a lease that ran out has been found. */
const SWEEP_MS = 1500;

export function faultsOf({ sql, server, nodes, until, deadlineMs, leaseMs, ...world }: Given) {
	const inFlight: InFlight = { attempts: new Map(), sends: new Map() };
	const frozen = new Set<ClusterNode>();
	let turn = 0;

	async function note(fault: Fault): Promise<true> {
		const claims = await claimsInFlight(sql);
		for (const kind of ["attempts", "sends"] as const)
			for (const id of claims[kind]) if (!inFlight[kind].has(id)) inFlight[kind].set(id, fault);
		return true;
	}
	/**
	 * When there is something to lose: callbacks under way that are not answered yet, sends that the provider has taken and
	 * tells of when their lease is over, requests whose answer is lost.
	 */
	async function atABadMoment<T>(ready: () => Promise<boolean>, blow: () => Promise<T>): Promise<T> {
		const letGo: (() => unknown)[] = [world.receiver.hold()];
		try {
			const late = passed(deadlineMs / 2);
			await until("there is work in hand", async () => (await ready()) || late());
			letGo.push(world.proxy.loseAnswers());
			letGo.push(await world.provider.stall({ answerMs: deadlineMs / 4, hookMs: leaseMs + SWEEP_MS }));
			await until("sends are under way", passed(deadlineMs / 10));
			return await blow();
		} finally {
			for (const one of letGo) await one();
		}
	}
	async function strike(those: readonly ClusterNode[], fault: Fault, blow: (node: ClusterNode) => unknown): Promise<ClusterNode> {
		let victim = await busiest(those);
		const ready = async () => {
			victim = await busiest(those);
			return victim.work >= IN_HAND;
		};
		return atABadMoment(ready, async () => {
			await blow(victim.node);
			await note(fault);
			return victim.node;
		});
	}
	/** What it had sent to PostgreSQL before may still come in. */
	async function noteTrailing(fault: Fault): Promise<void> {
		await until("what it had sent has come in", passed(TRAILING_MS));
		await note(fault);
	}

	async function kill(): Promise<string> {
		const next = nodes[turn++ % nodes.length] as ClusterNode;
		await strike([next], "kill", (node) => node.kill());
		await noteTrailing("kill");
		await next.start();
		return `${next.name} was killed and started again`;
	}
	/** For so long that others take its work. One that has none in hand is let go at once: a claim does not say whose it is. */
	async function freeze(): Promise<string> {
		for (let tries = 1; ; tries++) {
			let before = 0;
			let claimed: string[] = [];
			const node = await strike(nodes, "freeze", async (one) => {
				before = one.lines.length;
				one.freeze();
				claimed = (await claimsInFlight(sql)).attempts;
			});
			await noteTrailing("freeze");
			await until("the others have settled theirs", passed(deadlineMs / 4));
			const now = new Set((await claimsInFlight(sql)).attempts);
			const hasSome = claimed.some((attempt) => now.has(attempt));
			if (hasSome) await until("twice its lease has passed", passed(2 * leaseMs));
			node.thaw();
			if (!hasSome && tries < TRIES) continue;
			frozen.add(node);
			const late = passed(deadlineMs);
			const wasFenced = () => node.lines.slice(before).some(({ state }) => state === "fenced");
			await until("it has come back", () => wasFenced() || late());
			if (wasFenced() || tries >= TRIES) return `${node.name} was frozen for ${(2 * leaseMs) / 1000} s`;
		}
	}
	async function restart(): Promise<string> {
		const ready = async () => (await claimsInFlight(sql)).attempts.length >= IN_HAND;
		await atABadMoment(ready, async () => {
			await note("restart");
			await server.halt();
		});
		const no = () => false;
		// a connection may have been lent its port for a moment
		await until("PostgreSQL starts", () => server.start().then(() => true, no));
		await until("PostgreSQL answers", () => note("restart").catch(no));
		return "PostgreSQL was restarted";
	}

	/** Each returns what was done, and to whom. */
	const inflict = { kill, freeze, restart };
	return { inFlight, frozen, inflict };
}

type Busy = { node: ClusterNode; work: number };

async function busiest(nodes: readonly ClusterNode[]): Promise<Busy> {
	const all = await Promise.all(nodes.map(async (node) => ({ node, work: await node.inFlight() })));
	return all.reduce((most, one) => (one.work > most.work ? one : most));
}
