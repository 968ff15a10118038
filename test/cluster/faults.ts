import { type Claim, claimsInFlight } from "./history.ts";
import type { ClusterNode } from "./node.ts";
import type { Cluster } from "./setup.ts";
import { passed, type Until } from "./until.ts";

/** SIGKILL and a new start; SIGSTOP for twice a lease, then SIGCONT; PostgreSQL halted and started. */
export type Fault = "kill" | "freeze" | "restart";
/** Claims that were in flight at a fault, and after which: of the process it met, at a restart of all. */
export interface InFlight {
	attempts: Map<string, Fault>;
	sends: Map<string, Fault>;
}

interface Given extends Pick<Cluster, "sql" | "server" | "nodes" | "receiver" | "provider" | "proxy"> {
	until: Until;
	deadlineMs: number;
}

const IN_HAND = 3;
/** Until what a process had sent to PostgreSQL before has come in. */
const TRAILING_MS = 300;
/** Until a lease that ran out has been found. */
const SWEEP_MS = 1500;
const TRIES = 5;

const isOf =
	({ leaseMs }: ClusterNode) =>
	({ lease }: Claim) =>
		lease === leaseMs;

export function faultsOf({ sql, server, nodes, until, deadlineMs, ...world }: Given) {
	const inFlight: InFlight = { attempts: new Map(), sends: new Map() };
	const frozen = new Set<ClusterNode>();
	let turn = 0;

	/** Returns how many attempts were in flight; those that an earlier fault met do not count, though their leases still run. */
	async function note(fault: Fault, whose: (claim: Claim) => boolean = () => true): Promise<number> {
		const claims = await claimsInFlight(sql);
		for (const kind of ["attempts", "sends"] as const)
			for (const { id } of claims[kind].filter(whose)) if (!inFlight[kind].has(id)) inFlight[kind].set(id, fault);
		return claims.attempts.filter(whose).filter(({ id }) => inFlight.attempts.get(id) === fault).length;
	}
	/**
	 * When there is something to lose: callbacks under way that are not answered yet, sends that the provider has taken and
	 * tells of when their lease is over, requests whose answer is lost.
	 */
	async function atABadMoment(ready: () => Promise<boolean>, blow: () => unknown): Promise<void> {
		const letGo: (() => unknown)[] = [world.receiver.hold()];
		try {
			await until("attempts are under way", ready);
			letGo.push(world.proxy.loseAnswers());
			const longestMs = Math.max(...nodes.map(({ leaseMs }) => leaseMs));
			letGo.push(await world.provider.stall({ answerMs: deadlineMs / 4, hookMs: longestMs + SWEEP_MS }));
			await until("sends are under way", passed(deadlineMs / 10));
			await blow();
		} finally {
			for (const one of letGo) await one();
		}
	}
	/** Strikes whichever has most attempts in hand. Returns it, and how many it kept. */
	async function strike(those: readonly ClusterNode[], fault: Fault, blow: (node: ClusterNode) => unknown) {
		let node = those[0] as ClusterNode;
		const ready = async () => {
			const { attempts } = await claimsInFlight(sql);
			const fresh = attempts.filter(({ id }) => !inFlight.attempts.has(id));
			const inHand = (one: ClusterNode) => fresh.filter(isOf(one)).length;
			node = those.reduce((most, one) => (inHand(one) > inHand(most) ? one : most));
			return inHand(node) >= IN_HAND;
		};
		const late = passed(deadlineMs);
		await atABadMoment(
			async () => (await ready()) || late(),
			() => blow(node),
		);
		await note(fault, isOf(node));
		await until("what it had sent has come in", passed(TRAILING_MS));
		return { node, kept: await note(fault, isOf(node)) };
	}

	async function kill(): Promise<string> {
		const next = nodes[turn++ % nodes.length] as ClusterNode;
		await strike([next], "kill", (node) => node.kill());
		await next.start();
		return `${next.name} was killed and started again`;
	}
	/** For so long that others take its work; once more where it had none. */
	async function freeze(): Promise<string> {
		for (let tries = 1; ; tries++) {
			const { node, kept } = await strike(nodes, "freeze", (one) => one.freeze());
			const before = node.lines.length;
			if (kept > 0) await until("twice its lease has passed", passed(2 * node.leaseMs));
			node.thaw();
			if (kept === 0 && tries < TRIES) continue;
			frozen.add(node);
			const late = passed(2 * deadlineMs);
			const wasFenced = () => node.lines.slice(before).some(({ state }) => state === "fenced");
			await until("it has come back", () => wasFenced() || late());
			return `${node.name} was frozen for ${(2 * node.leaseMs) / 1000} s`;
		}
	}
	async function restart(): Promise<string> {
		const late = passed(deadlineMs);
		const ready = async () => late() || (await claimsInFlight(sql)).attempts.length >= IN_HAND;
		await atABadMoment(ready, async () => {
			await note("restart");
			await server.halt();
		});
		const no = () => false;
		const yes = () => true;
		// a connection may have been lent its port for a moment
		await until("PostgreSQL starts", () => server.start().then(yes, no));
		await until("PostgreSQL answers", () => note("restart").then(yes, no));
		return "PostgreSQL was restarted";
	}

	/** Each returns what was done, and to whom. */
	const inflict = { kill, freeze, restart };
	return { inFlight, frozen, inflict };
}
