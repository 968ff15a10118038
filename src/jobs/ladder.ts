import { accountById } from "../access/accounts.ts";
import type { Deps } from "../deps.ts";
import { canBeHooked, PROVIDERS } from "../providers/index.ts";
import type { Ladder } from "../providers/provider.ts";

const GROWTH = 1.5;
const SPREAD = 0.2;

/** Milliseconds until the next poll, after `polls` of them: × 1.5 from `firstMs` up to `maxMs`, ±20 %. */
export function pollDelayMs(ladder: Ladder, polls: number, random01: number): number {
	const steady = Math.min(ladder.maxMs, ladder.firstMs * GROWTH ** Math.min(polls, 50));
	return Math.round(steady * (1 - SPREAD + 2 * SPREAD * random01));
}

/** The ladder of a job: a slow one where hooks bring the news, a quick one where polls are the only news. */
export async function ladderOf(deps: Deps, job: { provider: string; type: string; accountId: string }): Promise<Ladder> {
	const account = await accountById(deps, job.accountId);
	const hooked = account !== null && canBeHooked(account, deps.publicUrl) && account.webhookSecrets.length > 0;
	const ladders = PROVIDERS[job.provider]?.types[job.type]?.ladder;
	return ladders?.[hooked ? "hooked" : "unhooked"] ?? { firstMs: 30_000, maxMs: 60_000 };
}

export const firstPollMs = async (deps: Deps, job: { provider: string; type: string; accountId: string }): Promise<number> =>
	pollDelayMs(await ladderOf(deps, job), 0, deps.random());
