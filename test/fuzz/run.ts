import fc from "fast-check";
import { readService, type Service } from "./document.ts";
import { type Line, lives, newLine, play, type Step } from "./play.ts";
import { Finding } from "./send.ts";

export interface Plan {
	seed: number;
	/** Requests and hooks, at least. */
	inputs: number;
	only?: Parameters<typeof lives>[1];
	/** Is told now and then how far it is. */
	tell?: (done: number) => void;
}
export interface Result {
	inputs: number;
	worlds: number;
	seconds: number;
	met: Map<string, number>;
	/** What rows lack → how many did. */
	ownerless: Record<string, number>;
	/** Null: every rule held. */
	finding: { message: string; steps: Step[]; requests: string[]; seed: number } | null;
}

/** Worlds before their seed is changed, and a look at how much was sent. */
const WORLDS = 20;
const SHRINK_MS = 120_000;

/** Plays random lives until so much was sent, or a rule was broken: then the shortest life that breaks one is looked for. */
export async function fuzz({ seed, inputs, only = "all", tell = () => {} }: Plan): Promise<Result> {
	const service = await readService();
	const line = newLine();
	const began = performance.now();
	const result = (worlds: number, finding: Result["finding"]): Result => ({
		inputs: line.inputs,
		worlds,
		seconds: (performance.now() - began) / 1000,
		met: line.met,
		ownerless: line.ownerless,
		finding,
	});
	for (let round = 0; line.inputs < inputs; round++) {
		const finding = await broken(service, line, (seed + round) % 2 ** 31, only);
		if (finding !== null) return result(round * WORLDS, finding);
		tell(line.inputs);
		if (line.inputs >= inputs) return result((round + 1) * WORLDS, null);
	}
	return result(0, null);
}

async function broken(service: Service, line: Line, seed: number, only: Plan["only"] & string): Promise<Result["finding"]> {
	let until = Number.POSITIVE_INFINITY;
	const property = fc.asyncProperty(lives(service, only), async (steps) => {
		if (performance.now() > until) return; // enough of looking for a shorter one
		line.trace.length = 0;
		try {
			await play(service, steps, line);
		} catch (e) {
			until = Math.min(until, performance.now() + SHRINK_MS);
			throw e;
		}
	});
	const { failed, counterexample, errorInstance } = await fc.check(property, { numRuns: WORLDS, seed });
	if (!failed || counterexample === null) return null;
	const [steps] = counterexample as [Step[]];
	const again = newLine();
	const error = await play(service, steps, again).then(
		() => errorInstance,
		(e: unknown) => e,
	);
	return { message: messageOf(error ?? errorInstance), steps, requests: again.trace, seed };
}

const messageOf = (e: unknown): string => (e instanceof Finding ? e.message : e instanceof Error ? (e.stack ?? e.message) : String(e));
