import { accountById } from "../access/accounts.ts";
import type { Deps } from "../deps.ts";
import { canBeHooked, PROVIDERS } from "../providers/index.ts";
import type { Ladder } from "../providers/provider.ts";

const GROWTH = 1.5;
const SPREAD = 0.2;

/** Milliseconds until the next poll, after `polls` of them: × 1.5 from `firstMs` up to `maxMs`, ±20 %, and never below the floor. */
export function pollDelayMs({ firstMs, maxMs, floorMs = 0 }: Ladder, polls: number, random01: number): number {
	const steady = Math.min(maxMs, firstMs * GROWTH ** Math.min(polls, 50));
	const jittered = Math.round(steady * (1 - SPREAD + 2 * SPREAD * random01));
	return polls === 0 ? jittered : Math.max(floorMs, jittered);
}

/** Of a silence that is longer than this between two answers of a provider, the rest does not count towards a job's deadline. */
export const longestSilenceMs = (provider: string): number =>
	2 *
	Math.max(...Object.values(PROVIDERS[provider]?.types ?? {}).map(({ ladder }) => Math.max(ladder.hooked.maxMs, ladder.unhooked.maxMs)));

/** The ladder of a job: a slow one where hooks bring the news, a quick one where polls are the only news. */
export async function ladderOf(deps: Deps, job: { provider: string; type: string; accountId: string }): Promise<Ladder> {
	const account = await accountById(deps, job.accountId);
	const hooked = account !== null && canBeHooked(account, deps.publicUrl) && account.webhookSecrets.length > 0;
	const ladders = PROVIDERS[job.provider]?.types[job.type]?.ladder;
	return ladders?.[hooked ? "hooked" : "unhooked"] ?? { firstMs: 30_000, maxMs: 60_000 };
}

export const firstPollMs = async (deps: Deps, job: { provider: string; type: string; accountId: string }): Promise<number> =>
	pollDelayMs(await ladderOf(deps, job), 0, deps.random());
