import { sql } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { compileSql } from "../../src/db/compile.ts";
import type { Db } from "../../src/db/db.ts";
import { openWorld, submitted, type World } from "../support/world.ts";

type Row = { state: string; events: number; polls: number; acceptedAt: number; endedAt: number };
const outcomes = compileSql<unknown, Row>(
	["state", "events", "polls", "acceptedAt", "endedAt"],
	() => sql`SELECT j.state, (SELECT count(*) FROM events e WHERE e.job_id = j.id AND e.type <> 'job.processing') AS events, s.polls,
		s.accepted_at, j.ended_at FROM jobs j JOIN submissions s ON s.id = j.submission_id ORDER BY j.id`,
);

const PENDING_MS = 300;
const PROCESSING_MS = 45_000;
const FAILING = 100;

/** No hook ever arrives: what a job comes to is learned by asking, inside the account's rate limit. */
export function lostHooks(open: () => Promise<Db>, jobs = 1000): void {
	describe("when every hook is lost", () => {
		it(`${jobs} jobs end in their true states, with one last event each`, { timeout: 120_000 }, async () => {
			const world = await openWorld(await open(), {
				env: { REQUESTS_PER_MINUTE: "0", BACKPRESSURE_S: "0" },
				knobs: {
					hooks: { dropEvents: ["job.processing", "job.completed", "job.failed"] },
					jobs: { pendingMs: PENDING_MS, processingMs: PROCESSING_MS, failNext: FAILING },
					rateLimit: "premium",
				},
			});
			try {
				for (let made = 0; made < jobs; made += 50)
					await Promise.all(Array.from({ length: Math.min(50, jobs - made) }, () => submitted(world, { webhook_url: undefined })));
				const refused = await refusedPolls(world, 20);
				const rows = await world.deps.db.read(outcomes.bind({}));
				const count = (state: string) => rows.filter((row) => row.state === state).length;
				expect({ completed: count("completed"), failed: count("failed") }).toEqual({ completed: jobs - FAILING, failed: FAILING });
				expect(rows.filter(({ events }) => events !== 1)).toEqual([]);
				expect(refused).toBe(0);
				tell(world, rows);
			} finally {
				await world.close();
			}
		});
	});
}

/** Lets so many minutes pass; returns how many questions the provider turned away. */
async function refusedPolls(world: World, minutes: number): Promise<number> {
	let refused = 0;
	for (let minute = 0; minute < minutes; minute++) {
		await world.pass(60_000);
		const calls = (await world.calls("request-status")) as unknown as { status: number }[];
		refused += calls.filter(({ status }) => status === 429).length;
	}
	return refused;
}

function tell(world: World, rows: Row[]): void {
	const late = rows.map(({ acceptedAt, endedAt }) => endedAt - acceptedAt - PENDING_MS - PROCESSING_MS).toSorted((a, b) => a - b);
	const at = (share: number) => ((late[Math.floor(share * (late.length - 1))] ?? 0) / 1000).toFixed(1);
	const polls = rows.reduce((sum, row) => sum + row.polls, 0) / rows.length + 1;
	console.info(
		`${world.deps.db.dialect}: ${rows.length} jobs without hooks at 300 a minute: told ${at(0.5)} s (p50), ${at(0.95)} s (p95) after the provider was done; ${polls.toFixed(2)} polls a job`,
	);
}
