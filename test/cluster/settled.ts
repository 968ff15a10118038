import type postgres from "postgres";
import { API_KEY } from "../support/launch.ts";
import { count } from "./history.ts";
import type { Provider } from "./provider.ts";
import type { Until } from "./until.ts";

const OPEN = "jobs j WHERE ended_at IS NULL";
const IS_UNKNOWN = "EXISTS (SELECT 1 FROM submissions s WHERE s.id = j.submission_id AND s.state = 'unknown' AND s.claim_id IS NULL)";

interface Of {
	sql: postgres.Sql;
	until: Until;
	url: string;
	provider: Pick<Provider, "made" | "jobsOf">;
}

/**
 * A send that was cut before the provider heard of it is unknown for ever, and its job ends a day later. Once nothing else
 * is left to happen, such jobs are given up through the API, as an operator would. Returns how many.
 */
export async function decideUnknown({ sql, until, url, provider }: Of): Promise<number> {
	const unknown = () => sql.unsafe<{ id: string; submission_id: string }[]>(`SELECT id, submission_id FROM ${OPEN} AND ${IS_UNKNOWN}`);
	await until("the provider told of every job it made, and none is open but those whose send it never heard of", async () => {
		const told = [...provider.jobsOf.values()].reduce((sum, jobs) => sum + jobs.size, 0);
		if (told < (await provider.made()) || (await count(sql, `${OPEN} AND NOT ${IS_UNKNOWN}`)) > 0) return false;
		return (await unknown()).every(({ submission_id }) => !provider.jobsOf.has(submission_id));
	});
	const waiting = await unknown();
	for (const { id } of waiting) await until(`the unknown send of ${id} is decided`, () => giveUp(url, id));
	return waiting.length;
}

async function giveUp(url: string, job: string): Promise<boolean> {
	const answer = await fetch(`${url}/v1/jobs/${job}/resolve`, {
		method: "POST",
		headers: { authorization: `Bearer ${API_KEY}`, "content-type": "application/json" },
		body: JSON.stringify({ action: "fail" }),
		signal: AbortSignal.timeout(2000),
	}).catch(() => null);
	return answer?.status === 200 || answer?.status === 409; // 409: an answer came at last
}

export const allEnded = (sql: postgres.Sql, until: Until, accepted: number): Promise<void> =>
	until("every job ended", async () => (await count(sql, OPEN)) === 0 && (await count(sql, "jobs")) >= accepted);

export const allTold = (sql: postgres.Sql, until: Until): Promise<void> =>
	until("every delivery ended", async () => (await count(sql, "deliveries WHERE state IN ('pending', 'held')")) === 0);
