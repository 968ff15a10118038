import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { startSandbox } from "../../src/node/sandbox.ts";
import { HOOK_SECRET, JOB, type Service, serviceIn, startReceiver } from "../support/launch.ts";

export interface Figures {
	/** Submits that were answered 202. */
	accepted: number;
	/** Jobs that ended. `unknown`: of these, sends that a kill cut before the provider heard of them. */
	terminal: number;
	unknown: number;
	/** Jobs whose end reached the receiver, and how often it reached it again: the same id, the same bytes. */
	delivered: number;
	duplicated: number;
	/** Accepted, and never ended or never told. */
	lost: number;
	/** What must never be: more jobs made at the provider than we have, two ends of one job, copies that differ. */
	double_charges: number;
	double_ends: number;
	differing_copies: number;
	kills: number;
	seconds: number;
}

const START_BALANCE = 1e9;
/** Leases and waits as short as they go; nothing is turned away for load. */
const QUICK = {
	...{ SWEEP_EVERY_S: "1", LEASE_MARGIN_S: "0", ATTEMPT_DEADLINE_MS: "1000", PROVIDER_DEADLINE_MS: "1500" },
	...{
		RETRY_DELAYS_S: Array(30).fill("1").join(),
		LANE_CONCURRENCY: "50",
		REQUESTS_PER_MINUTE: "0",
		BACKPRESSURE_S: "0",
		LOG_LEVEL: "info",
	},
};

/** Submits `jobs` jobs to the built service and kills it `kills` times meanwhile; resolves when every one of them has ended. */
export async function soak({ jobs, kills, atOnce = 20 }: { jobs: number; kills: number; atOnce?: number }): Promise<Figures> {
	const began = performance.now();
	const folder = mkdtempSync(path.join(os.tmpdir(), "jobhook-soak-"));
	const sandbox = await startSandbox({
		port: 0,
		apiKeys: ["sandbox-key"],
		webhookSecret: HOOK_SECRET,
		webhookUrl: null,
		timeFactor: 0.01,
		knobs: { balance: START_BALANCE, rateLimit: null, hooks: { autoDisableAfter: null } },
	});
	const provider = { DEAPI_BASE_URL: sandbox.url, DEAPI_API_KEY: "sandbox-key", DEAPI_WEBHOOK_SECRET: HOOK_SECRET };
	const receiver = await startReceiver();
	const service = await serviceIn(folder, { ...provider, ...QUICK });
	await service.start();
	try {
		const accepted = new Set<string>();
		const submitting = submitAll(service, { jobs, atOnce, url: receiver.url }, accepted);
		for (let kill = 0; kill < kills; kill++) {
			// at its share of the submits, and a moment of chance later, so that it meets every kind of work
			await until(`${kill + 1} kills in reach`, () => accepted.size >= ((kill + 0.5) * jobs) / kills);
			await wait(Math.random() * 200);
			await service.signal("SIGKILL");
			await service.start();
		}
		await submitting;
		const db = new Database(service.database);
		try {
			await allKnown(sandbox.url, db);
			await allEnded(db, accepted.size);
			await allTold(db);
			return {
				...figures(db, accepted, receiver.received),
				double_charges: Math.max(0, (await made(sandbox.url)) - count(db, "SELECT count(*) FROM jobs")),
				kills,
				seconds: Math.round((performance.now() - began) / 100) / 10,
			};
		} finally {
			db.close();
		}
	} finally {
		await service.signal("SIGKILL");
		receiver.close();
		await sandbox.close();
		rmSync(folder, { recursive: true, force: true });
	}
}

/** Each job under its own key, again and again until it is a 202: a kill takes answers with it, too. */
async function submitAll(service: Service, of: { jobs: number; atOnce: number; url: string }, accepted: Set<string>): Promise<void> {
	let next = 0;
	const body = JSON.stringify({ ...JOB, webhook_url: of.url, webhook_events: ["job.completed", "job.failed"] });
	const one = async () => {
		for (let i = next++; i < of.jobs; i = next++)
			for (;;) {
				const init = { method: "POST", headers: { "idempotency-key": `soak-${i}` }, body };
				const { id } = await service.call<{ id?: string }>("/v1/jobs", init).catch(() => ({ id: undefined }));
				if (id !== undefined) {
					accepted.add(id);
					break;
				}
				await wait(50);
			}
	};
	await Promise.all(Array.from({ length: of.atOnce }, one));
}

const count = (db: Database.Database, sql: string): number => db.prepare<[], number>(sql).pluck().get() ?? 0;
/** Of one stage. */
const LIMIT_MS = 120_000;
const DAY_MS = 86_400_000;

async function until(what: string, done: () => boolean | Promise<boolean>): Promise<void> {
	const end = performance.now() + LIMIT_MS;
	while (!(await done())) {
		if (performance.now() > end) throw new Error(`after ${LIMIT_MS / 1000} s still not so: ${what}`);
		await wait(20);
	}
}

const OPEN = "SELECT count(*) FROM jobs WHERE ended_at IS NULL";
const AT_WORK = `${OPEN} AND NOT EXISTS (SELECT 1 FROM submissions s WHERE s.id = submission_id AND s.state = 'unknown')`;

/** Whatever the provider was asked for it tells, however often it must. */
const allKnown = (url: string, db: Database.Database) =>
	until("every job that the provider made is known, and none is open but those whose send it never heard of", async () => {
		return (
			count(db, AT_WORK) === 0 && (await made(url)) === count(db, "SELECT count(*) FROM submissions WHERE provider_job_id IS NOT NULL")
		);
	});

/**
 * A send that a kill cut before the provider heard of it is unknown for ever: such a job ends at its deadline, a day later.
 * That day is what is skipped here, once nothing else is left to happen.
 */
async function allEnded(db: Database.Database, accepted: number): Promise<void> {
	const waiting = "state = 'unknown' AND next_attempt_at IS NOT NULL AND claim_id IS NULL";
	db.prepare(`UPDATE submissions SET next_attempt_at = next_attempt_at - $day, sent_at = sent_at - $day WHERE ${waiting}`).run({
		day: DAY_MS,
	});
	await until("every job ended", () => count(db, OPEN) === 0 && count(db, "SELECT count(*) FROM jobs") >= accepted);
}

const allTold = (db: Database.Database) =>
	until("every delivery ended", () => count(db, "SELECT count(*) FROM deliveries WHERE state IN ('pending', 'held')") === 0);

function figures(db: Database.Database, accepted: Set<string>, received: { headers: Record<string, unknown>; body: string }[]) {
	const ended = new Set(db.prepare<[], string>("SELECT id FROM jobs WHERE ended_at IS NOT NULL").pluck().all());
	const bodies = new Map<string, string>();
	const told = new Set<string>();
	let [duplicated, differing] = [0, 0];
	for (const { headers, body } of received) {
		const id = String(headers["webhook-id"]);
		const earlier = bodies.get(id);
		if (earlier !== undefined) duplicated++;
		if (earlier !== undefined && earlier !== body) differing++;
		bodies.set(id, body);
		told.add((JSON.parse(body) as { data: { job: { id: string } } }).data.job.id);
	}
	return {
		accepted: accepted.size,
		terminal: ended.size,
		unknown: count(db, "SELECT count(*) FROM jobs WHERE error_code = 'submission_unknown'"),
		delivered: told.size,
		duplicated,
		lost: [...accepted].filter((id) => !ended.has(id) || !told.has(id)).length,
		double_ends: count(
			db,
			"SELECT count(*) FROM (SELECT 1 FROM events WHERE type <> 'job.processing' GROUP BY job_id HAVING count(*) > 1)",
		),
		differing_copies: differing,
	};
}

/** The provider's balance tells how many jobs it was asked for, whatever became of the answers. */
async function made(url: string): Promise<number> {
	const knobs = (await (await fetch(`${url}/_sandbox/knobs`)).json()) as { balance: number };
	const priced = await fetch(`${url}/api/v1/client/txt2img/price-calculation`, {
		method: "POST",
		headers: { authorization: "Bearer sandbox-key", "content-type": "application/json" },
		body: JSON.stringify({ ...JOB.input, model: JOB.model, seed: -1 }),
	});
	const { data } = (await priced.json()) as { data: { price: number } };
	return Math.round((START_BALANCE - knobs.balance) / data.price);
}

/** `npm run soak -- [jobs] [kills]` */
if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const [jobs = 10_000, kills = 20] = process.argv.slice(2).map(Number);
	const result = await soak({ jobs, kills });
	console.log(JSON.stringify(result));
	const { lost, double_charges, double_ends, differing_copies } = result;
	process.exitCode = lost + double_charges + double_ends + differing_copies === 0 ? 0 : 1;
}
