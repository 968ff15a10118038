import type Database from "better-sqlite3";
import { NOTICE_TYPES } from "../../src/outbound/notices/types.ts";

const NOTICES = NOTICE_TYPES.map((type) => `'${type}'`).join(", ");
const owner = (rows: string, at: string, where: string, more = "") =>
	`SELECT count(*) FROM ${rows} x WHERE ${more}NOT EXISTS (SELECT 1 FROM ${at} o WHERE ${where})`;
const ofApp = (table: string) => owner(table, "apps", "o.id = x.app_id");

/** One query for each thing that a row needs: how many rows have none. All of them are 0. */
export const OWNERS: Readonly<Record<string, string>> = {
	...Object.fromEntries(
		["keys", "jobs", "submissions", "events", "results", "files", "job_files", "endpoints", "endpoint_event_types"].map((table) => [
			`${table} of an app`,
			ofApp(table),
		]),
	),
	...Object.fromEntries(["deliveries", "attempts", "recoveries", "idempotency_keys"].map((table) => [`${table} of an app`, ofApp(table)])),
	"keys that were imported of an account": owner("keys", "accounts", "o.id = x.account_id", "x.account_id IS NOT NULL AND "),
	"jobs with their submission": owner("jobs", "submissions", "o.id = x.submission_id AND o.job_id = x.id AND o.app_id = x.app_id"),
	"jobs that have ended with their last event": owner(
		"jobs",
		"events",
		"o.id = x.event_id AND o.job_id = x.id",
		"x.ended_at IS NOT NULL AND ",
	),
	"jobs with as many events as they count":
		"SELECT count(*) FROM jobs x WHERE x.revision <> (SELECT count(*) FROM events o WHERE o.job_id = x.id)",
	"submissions of a job": owner("submissions", "jobs", "o.id = x.job_id AND o.app_id = x.app_id AND o.provider = x.provider"),
	"submissions of an account": owner("submissions", "accounts", "o.id = x.account_id AND o.provider = x.provider"),
	"submissions in a lane": owner("submissions", "lanes", "o.id = x.lane_id AND (o.account_id = x.account_id OR o.app_id = x.app_id)"),
	"receipts of an account": owner("receipts", "accounts", "o.id = x.account_id AND o.provider = x.provider"),
	"receipts of a job, where they name one": owner(
		"receipts",
		"jobs",
		"o.id = x.job_id AND o.app_id = x.app_id",
		"x.job_id IS NOT NULL AND ",
	),
	"receipts of a submission, where they name one": owner(
		"receipts",
		"submissions",
		"o.id = x.submission_id AND o.job_id = x.job_id",
		"x.submission_id IS NOT NULL AND ",
	),
	"receipts that name nobody are orphans, or unreadable":
		"SELECT count(*) FROM receipts WHERE job_id IS NULL AND outcome NOT IN ('orphan', 'unreadable')",
	"events of a job": owner("events", "jobs", "o.id = x.job_id AND o.app_id = x.app_id", `x.type NOT IN (${NOTICES}) AND `),
	"events for the operator of the app default": owner(
		"events",
		"apps",
		"o.id = x.app_id AND o.name = 'default'",
		`x.type IN (${NOTICES}) AND `,
	),
	"results of a completed job, or of one whose result is fetched": owner("results", "jobs", "o.id = x.job_id AND o.app_id = x.app_id"),
	"files in jobs of a job": owner("job_files", "jobs", "o.id = x.job_id AND o.app_id = x.app_id"),
	"types of an endpoint that is there": owner(
		"endpoint_event_types",
		"endpoints",
		"o.id = x.endpoint_id AND o.app_id = x.app_id AND o.state <> 'deleted'",
	),
	"endpoints with a lane": owner("endpoints", "lanes", "o.id = x.id AND o.kind = 'endpoint' AND o.app_id = x.app_id"),
	"lanes of an endpoint": owner("lanes", "endpoints", "o.id = x.id AND o.app_id = x.app_id", "x.kind = 'endpoint' AND "),
	"lanes of an app": owner("lanes", "apps", "o.id = x.app_id", "x.kind IN ('url', 'input', 'endpoint') AND "),
	"lanes of an account": owner("lanes", "accounts", "o.id = x.account_id", "x.kind IN ('dispatch', 'poll', 'content') AND "),
	"deliveries of an event": owner(
		"deliveries",
		"events",
		"o.id = x.event_id AND o.app_id = x.app_id AND o.job_id = x.job_id AND o.type = x.event_type",
	),
	"deliveries to an endpoint of the same app": owner(
		"deliveries",
		"endpoints",
		"o.id = x.target AND o.app_id = x.app_id",
		"x.target <> 'job' AND ",
	),
	"deliveries in a lane of the same app": owner("deliveries", "lanes", "o.id = x.lane_id AND o.app_id = x.app_id"),
	"attempts of a delivery": owner("attempts", "deliveries", "o.id = x.delivery_id AND o.app_id = x.app_id AND x.n <= o.attempts"),
	"recoveries of an endpoint": owner("recoveries", "endpoints", "o.id = x.endpoint_id AND o.app_id = x.app_id"),
	"idempotency keys of a job": owner("idempotency_keys", "jobs", "o.id = x.job_id AND o.app_id = x.app_id"),
	"counters that are known": `SELECT count(*) FROM counters WHERE name NOT IN (${NOTICES})`,
	"what is cached of an account, or the sweep's own":
		"SELECT count(*) FROM cache x WHERE key <> 'retention' AND NOT EXISTS (SELECT 1 FROM accounts o WHERE x.key = 'models:' || o.id)",
};

/** How many rows have no owner, by what they lack. */
export const ownerless = (db: Database.Database): Record<string, number> =>
	Object.fromEntries(Object.entries(OWNERS).map(([what, query]) => [what, db.prepare<[], number>(query).pluck().get() ?? 0]));
