import type postgres from "postgres";
import type { Received } from "../support/launch.ts";
import type { InFlight } from "./faults.ts";
import type { Line } from "./node.ts";

/** What the database says at the end, rows by table. */
export interface History {
	jobs: { id: string; ended: boolean; error_code: string | null }[];
	submissions: { id: string; job_id: string; reason: string | null }[];
	events: { id: string; job_id: string; type: string; body: string }[];
	attempts: { delivery_id: string; n: number; outcome: string; reason: string }[];
}

/** What was seen from outside. */
export interface Observed {
	offered: number;
	accepted: ReadonlyMap<string, string>;
	received: readonly Received[];
	inFlight: InFlight;
	/** The provider's jobs by submission, and how many there are. */
	jobsOf: ReadonlyMap<string, ReadonlySet<string>>;
	made: number;
	/** The logs of all processes, and of those that were frozen. */
	lines: readonly Line[];
	frozenLines: readonly Line[];
}

export async function readHistory(sql: postgres.Sql): Promise<History> {
	const [jobs, submissions, events, attempts] = await Promise.all([
		sql<History["jobs"]>`SELECT id, ended_at IS NOT NULL AS ended, error_code FROM jobs`,
		sql<History["submissions"]>`SELECT id, job_id, reason FROM submissions`,
		sql<History["events"]>`SELECT id, job_id, type, body FROM events`,
		sql<History["attempts"]>`SELECT delivery_id, n::int, outcome, reason FROM attempts`,
	]);
	return { jobs, submissions, events, attempts };
}

export interface Claim {
	id: string;
	/** Milliseconds; as every process has its own, it says whose the claim is. */
	lease: number;
}

/** Claims in flight: attempts of deliveries, and submissions that are being sent. */
export async function claimsInFlight(sql: postgres.Sql): Promise<{ attempts: Claim[]; sends: Claim[] }> {
	const deliveries = await sql<(Claim & { n: number })[]>`
		SELECT id, attempts::int AS n, (next_attempt_at - claimed_at)::int AS lease FROM deliveries WHERE claim_id IS NOT NULL`;
	const sends = await sql<Claim[]>`
		SELECT id, (next_attempt_at - claimed_at)::int AS lease FROM submissions WHERE claim_id IS NOT NULL AND state = 'sending'`;
	return { attempts: deliveries.map(({ id, n, lease }) => ({ id: attemptOf(id, n), lease })), sends };
}
export const attemptOf = (delivery: string, n: number): string => `${delivery}#${n}`;

export async function count(sql: postgres.Sql, query: string): Promise<number> {
	const [row] = await sql.unsafe(`SELECT count(*)::int AS count FROM ${query}`);
	return (row as unknown as { count: number }).count;
}
