import { expect } from "vitest";
import { callerOf, createKey } from "../../src/access/keys.ts";
import * as models from "../../src/db/cache.ts";
import type { Db, Stmt } from "../../src/db/db.ts";
import * as fileSql from "../../src/files/sql.ts";
import { neglected } from "../../src/jobs/backpressure.ts";
import * as jobFiles from "../../src/jobs/sql/files.ts";
import * as finish from "../../src/jobs/sql/finish.ts";
import { jobsPage } from "../../src/jobs/sql/list.ts";
import * as orphans from "../../src/jobs/sql/orphans.ts";
import * as read from "../../src/jobs/sql/read.ts";
import * as resolve from "../../src/jobs/sql/resolve.ts";
import * as submit from "../../src/jobs/sql/submit.ts";
import * as work from "../../src/jobs/sql/work.ts";
import * as breaker from "../../src/lanes/breaker.ts";
import * as pause from "../../src/lanes/pause.ts";
import * as delivery from "../../src/outbound/delivery/sql.ts";
import * as catchUp from "../../src/outbound/endpoint/catch-up.ts";
import * as follow from "../../src/outbound/endpoint/follow.ts";
import * as health from "../../src/outbound/endpoint/health.ts";
import { readEndpoint } from "../../src/outbound/endpoint/read.ts";
import * as endpoint from "../../src/outbound/endpoint/sql.ts";
import * as switching from "../../src/outbound/endpoint/switch.ts";
import * as watching from "../../src/outbound/endpoint/watch.ts";
import * as event from "../../src/outbound/event.ts";
import * as notices from "../../src/outbound/notices/sql.ts";
import * as recover from "../../src/outbound/recover/sql.ts";
import * as outbound from "../../src/outbound/sql.ts";
import * as oldBlobs from "../../src/retention/blobs.ts";
import * as oldBodies from "../../src/retention/bodies.ts";
import * as expired from "../../src/retention/expired.ts";
import * as oldHeld from "../../src/retention/held.ts";
import * as oldJobs from "../../src/retention/jobs.ts";
import * as oldNotices from "../../src/retention/notices.ts";
import * as oldReceipts from "../../src/retention/receipts.ts";
import { openWorld, submitted, type World } from "../support/world.ts";

export type AnyStmt = Stmt<never, unknown>;
const isStmt = (value: unknown): value is AnyStmt => typeof value === "object" && value !== null && "bind" in value && "sql" in value;

/**
 * A statement, a private one known by its words, and the parts of indexes that SQLite must use for it. PostgreSQL must use
 * the same indexes, or these, `a|b` where either will do; null where only Workers run it.
 */
export type Hot = [name: string, what: RegExp | AnyStmt, indexes: string[], onPostgres?: string[] | null];

/** What is run for every request, hook, attempt or round. */
export const HOT: Hot[] = [
	[
		"lanes with deliveries",
		/^WITH RECURSIVE walk[^"]+"deliveries".+first AS/s,
		["deliveries_due (lane_id>?)", "deliveries_due (lane_id=? AND next"],
	],
	[
		"lanes with submissions",
		/^WITH RECURSIVE walk[^"]+"submissions".+first AS/s,
		["submissions_due (lane_id>?)", "submissions_due (lane_id=? AND next"],
	],
	[
		"submissions that wait for us",
		neglected,
		["submissions_due (lane_id>?)", "submissions_due (lane_id=? AND next_attempt_at<?)", "submissions_claimed (lane_id=?"],
	],
	[
		"due deliveries",
		/^UPDATE "deliveries" SET claim_id = \?.+WHERE id (IN|= ANY)/s,
		["deliveries_due (lane_id=? AND next_attempt_at<?)", "deliveries_claimed"],
	],
	[
		"due submissions",
		/^UPDATE "submissions" SET claim_id = \?.+WHERE id (IN|= ANY)/s,
		["submissions_due (lane_id=? AND next_attempt_at<?)", "submissions_claimed"],
	],
	["claimed deliveries", /^select "deliveries".+ as "claim"(?!.+ asked )/, ["deliveries_claimed (lane_id=? AND claim_id=?)"]],
	["claimed submissions", /^select "submissions".+ as "claim"(?!.+ asked )/, ["submissions_claimed (lane_id=? AND claim_id=?)"]],
	...["deliveries", "submissions"].flatMap((table): Hot[] => [
		[
			`one of the ${table}`,
			new RegExp(`^UPDATE "${table}" SET claim_id.+ asked `, "s"),
			[`${table}_1 (id=?)`, `${table}_due (lane_id=? AND next`],
			null,
		],
		[
			`a claim beside one of the ${table}`,
			new RegExp(`^select "${table}".+ asked `),
			[`${table}_claimed (lane_id=? AND claim_id=?)`, `${table}_1 (id=?)`],
			null,
		],
		[`when one of the ${table} is due`, new RegExp(`^SELECT own.id(?!.+waiting).+"${table}"`, "s"), [`${table}_1 (id=?)`], null],
		[
			`how many ${table} wait with one`,
			new RegExp(`^SELECT own.id.+waiting.+"${table}"`, "s"),
			[`${table}_1 (id=?)`, `${table}_due (lane_id=? AND next_attempt_at<?)`],
			null,
		],
		[
			`the next of the ${table} of a lane`,
			new RegExp(`^SELECT t.id.+"${table}" t JOIN`, "s"),
			[`${table}_due (lane_id=? AND next_attempt_at<?)`],
			null,
		],
		[
			`all ${table} that are due`,
			new RegExp(`^WITH RECURSIVE walk[^"]+"${table}".+seen AS`, "s"),
			[`${table}_due (lane_id>?)`, `${table}_claimed (lane_id=?`, `${table}_due (lane_id=? AND next_attempt_at<?)`, `${table}_1 (id=?)`],
			null,
		],
	]),
	["expired claims of deliveries", outbound.expiredClaims, ["deliveries_claimed"]],
	["expired claims of submissions", work.expiredClaims, ["submissions_claimed"]],
	["what a token names", finish.knownBySubmission, ["submissions_1 (id=?)", "submissions_provider_job (provider=? AND account_id=? AND"]],
	["what a provider's id names", finish.knownByProviderJob, ["submissions_provider_job (provider=? AND account_id=? AND"]],
	["a receipt", finish.receiptExists, ["receipts_delivery (provider=? AND account_id=? AND delivery_id=?)"]],
	["orphans to be joined", orphans.joinableOrphans, ["receipts_orphans (received_at>?)", "submissions_provider_job"]],
	["orphans of a submission", orphans.orphansOf, ["receipts_orphan_of (provider=? AND account_id=? AND provider_job_id=?)"]],
	[
		"an event's endpoints",
		/^INSERT INTO "deliveries".+ep\.place/s,
		["endpoint_event_types_1 (app_id=? AND event_type=?)", "endpoints_1 (id=?)"],
	],
	["endpoints with a job's URL", /^INSERT INTO "deliveries".+'job', 'pending'/s, ["endpoint_event_types_1 (app_id=? AND event_type=?)"]],
	["news that the end overtakes", /^UPDATE "deliveries" SET state = 'superseded'/, ["deliveries_job (app_id=? AND job_id=?)"]],
	["the job of the next send", work.nextSubmission, ["submissions_1 (id=?)", "jobs_1 (id=?)"]],
	["the holder of an idempotency key", submit.holderOfKey, ["idempotency_keys_1 (app_id=? AND route=? AND key=?)"]],
	["the app of a key", /^select .+ from "keys"/, ["keys_hash_unique (hash=?)"]],
	["a job's submissions", read.submissionsOfJob, ["submissions_job (job_id=?)"]],
	["a job's receipts", read.receiptsOfJob, ["receipts_job (job_id=?)"]],
	["a job's events", read.eventsOfJob, ["events_job_revision (job_id=?)"]],
	["a job's deliveries", read.deliveriesOfJob, ["deliveries_job (app_id=? AND job_id=?)"]],
	["a job's attempts", read.attemptsOfJob, ["deliveries_job (app_id=? AND job_id=?)", "attempts_delivery_n (delivery_id=?)"]],
	["a job with its current submission", finish.knownOfJob, ["jobs_app (app_id=? AND id=?)", "submissions_1 (id=?)"]],
	["how often a job was sent again", resolve.supersededOf, ["submissions_job (job_id=?)"]],
	["the jobs of an app", jobsPage([]), ["jobs_app (app_id=? AND id>? AND id<?)"]],
	["the jobs of an app in a state", jobsPage(["state", "type"]), ["jobs_app_state (app_id=? AND (state,id)>(?,?) AND (state,id)<(?,?))"]],
	["the jobs of an app of a type", jobsPage(["type", "provider"]), ["jobs_app (app_id=? AND id>? AND id<?)"]],
	["what a provider told", models.readCache, ["cache_1 (key=?)"]],
	["the deliveries of an app", delivery.deliveriesBy([]), ["deliveries_app ((app_id,id)<(?,?))"]],
	[
		"undelivered ones",
		delivery.deliveriesBy(["undelivered"]),
		["deliveries_pending ((app_id,id)<(?,?))", "deliveries_troubled ((app_id,state,id)<(?,?,?))", "attempts_delivery_n"],
	],
	["pending ones", delivery.deliveriesBy(["pending"]), ["deliveries_pending ((app_id,id)<(?,?))"]],
	["held ones", delivery.deliveriesBy(["held"]), ["deliveries_troubled ((app_id,state,id)<(?,?,?))"]],
	["exhausted ones", delivery.deliveriesBy(["exhausted"]), ["deliveries_troubled ((app_id,state,id)<(?,?,?))"]],
	["stopped ones", delivery.deliveriesBy(["stopped"]), ["deliveries_troubled ((app_id,state,id)<(?,?,?))"]],
	["delivered ones", delivery.deliveriesBy(["delivered"]), ["deliveries_app ((app_id,id)<(?,?))"]],
	["superseded ones", delivery.deliveriesBy(["superseded"]), ["deliveries_app ((app_id,id)<(?,?))"]],
	["where a look at an app's ends", delivery.edgeOfLook([]), ["deliveries_app ((app_id,id)<(?,?))"]],
	["those of a job", delivery.deliveriesBy(["job"]), ["deliveries_job (app_id=? AND job_id=? AND id<?)"]],
	["undelivered ones of a job", delivery.deliveriesBy(["job", "undelivered"]), ["deliveries_job (app_id=? AND job_id=? AND id<?)"]],
	["pending ones of a job", delivery.deliveriesBy(["job", "endpoint", "pending"]), ["deliveries_job (app_id=? AND job_id=? AND id<?)"]],
	["those of an endpoint", delivery.deliveriesBy(["endpoint"]), ["deliveries_target ((target,id)<(?,?))"]],
	[
		"undelivered ones of an endpoint",
		delivery.deliveriesBy(["endpoint", "undelivered"]),
		["deliveries_target_pending ((target,id)<(?,?))", "deliveries_target_troubled ((target,state,id)<(?,?,?))"],
	],
	["pending ones of an endpoint", delivery.deliveriesBy(["endpoint", "pending"]), ["deliveries_target_pending ((target,id)<(?,?))"]],
	["held ones of an endpoint", delivery.deliveriesBy(["endpoint", "held"]), ["deliveries_target_troubled ((target,state,id)<(?,?,?))"]],
	["delivered ones of an endpoint", delivery.deliveriesBy(["endpoint", "delivered"]), ["deliveries_target ((target,id)<(?,?))"]],
	["where a look at an endpoint's ends", delivery.edgeOfLook(["endpoint"]), ["deliveries_target ((target,id)<(?,?))"]],
	["the attempts of a delivery", delivery.attemptsOfDelivery, ["attempts_delivery_n (delivery_id=?)"]],
	["the events of an app", event.eventsBy([]), ["events_app (app_id=? AND id>? AND id<?)"]],
	["the events of a job in a list", event.eventsBy(["job"]), ["events_job_revision (job_id=?)"]],
	["the endpoints of an app", endpoint.endpointsOfApp, ["endpoints_app (app_id=? AND id>? AND id<?)"]],
	[
		"the event types of endpoints",
		endpoint.eventTypesBetween,
		["endpoint_event_types_endpoint (app_id=? AND endpoint_id>? AND endpoint_id<?)"],
		["endpoint_event_types_(endpoint|pkey)"],
	],
	["event types to be dropped", endpoint.dropEventTypes, ["endpoint_event_types_endpoint (app_id=? AND endpoint_id>? AND endpoint_id<?)"]],
	["what waits for a disabled endpoint", follow.holdPending, ["deliveries_due (lane_id=? AND next_attempt_at>?)"]],
	["what is held for an endpoint", follow.releaseHeld, ["deliveries_target_troubled (target=? AND state=?)"]],
	[
		"the next piece of a recovery",
		recover.nextPiece,
		["deliveries_target_troubled (target=? AND state=? AND id>? AND id<?)", "deliveries_target_pending (target=? AND id>? AND id<?)"],
	],
	[
		"a recovery's window",
		recover.moveOn,
		[
			"recoveries_1 (id=?)",
			"deliveries_target_troubled (target=? AND state=? AND id>? AND id<?)",
			"deliveries_target_pending (target=? AND id>",
		],
	],
	[
		"what is recovered",
		recover.rearm,
		[
			"deliveries_target_troubled (target=? AND state=? AND id>? AND id<?)",
			"deliveries_target_pending (target=? AND id>",
			"deliveries_1 (id=?)",
		],
	],
	["where a recovery stands", recover.standing, ["recoveries_1 (id=?)", "deliveries_due (lane_id=? AND next_attempt_at"]],
	["steps that are due", recover.dueSteps, ["recoveries_due (next_step_at"]],
	["the first step", recover.firstStep, ["recoveries_due (next_step_at"]],
	["the recoveries of an endpoint", recover.recoveriesOf, ["recoveries_endpoint (endpoint_id=? AND id>? AND id<?)"]],
	["what was held for long", oldHeld.stopHeldLong, ["deliveries_held_since (armed_at<?)"]],
	["endpoints to be judged", watching.toJudge, ["endpoints_judged (judge_at"]],
	["an endpoint that failed", health.countFailure, ["endpoints_1 (id=?)", "attempts_delivery_n (delivery_id=?)"]],
	["an endpoint that is well", health.countSuccess, ["endpoints_1 (id=?)"]],
	["a failing that the operator knows of", watching.noticedAs, ["endpoints_1 (id=?)"]],
	["why an endpoint failed last", watching.lastReason, ["deliveries_due (lane_id=?", "attempts_delivery_n (delivery_id=?)"]],
	["a lane that failed", breaker.laneFailed, ["lanes_1 (id=?)"]],
	["a lane that succeeded", breaker.laneSucceeded, ["lanes_1 (id=?)"]],
	["endpoints that were switched", catchUp.unsettledEndpoints, ["endpoints_unsettled"]],
	["bodies past their days", oldBodies.edgeOfBodies, ["events_bodies ((created_at,id)>(?,?) AND created_at<?)"]],
	[
		"bodies to be emptied",
		oldBodies.emptyBodies,
		["events_bodies ((created_at,id)>(?,?) AND created_at<?)", "deliveries_event_target (event_id=?)"],
	],
	...Object.entries({
		attempts: [oldNotices.removeAttemptsOfNotices, "attempts_delivery_n (delivery_id=?)"] as const,
		deliveries: [oldNotices.removeDeliveriesOfNotices, "attempts_delivery_n (delivery_id=?)"] as const,
		events: [oldNotices.removeNotices, "deliveries_event_target (event_id=?)"] as const,
	}).map(
		([name, [stmt, index]]): Hot => [
			`${name} of notices to be removed`,
			stmt,
			["events_bodies ((created_at,id)>(?,?) AND created_at<?)", "deliveries_event_target (event_id=?)", index],
		],
	),
	["receipts past their days", oldReceipts.edgeOfReceipts, ["receipts_received ((received_at,id)>(?,?) AND received_at<?)"]],
	["receipts to be removed", oldReceipts.removeReceipts, ["receipts_received ((received_at,id)>(?,?) AND received_at<?)"]],
	["files past their time", expired.removeFiles, ["files_expires (expires_at<?)"]],
	["files that are still needed", oldBlobs.filesNamed, ["files_1 (id=?)", "job_files_file (file_id=?)", "jobs_1 (id=?)"]],
	["a file", fileSql.fileById, ["files_1 (id=?)"], ["files_(pkey|app)"]],
	["the files of an app", fileSql.filesOfApp, ["files_app (app_id=? AND id>? AND id<?)"], ["files_(app|expires)"]],
	["a file that a job has named", jobFiles.fileOnceUsed, ["job_files_file (file_id=?)"]],
	["the files of a job", jobFiles.filesOfJob, ["job_files_1 (job_id=?)"]],
	["idempotency keys to be removed", expired.removeKeys, ["idempotency_keys_expires (expires_at<?)"]],
	["what is cached to be removed", expired.removeCached, ["cache_read (read_at<?)"]],
	["jobs past their days", oldJobs.edgeOfJobs, ["jobs_ended ((ended_at,id)>(?,?) AND ended_at<?)"]],
	["jobs to be removed", oldJobs.removeJobs, ["jobs_ended ((ended_at,id)>(?,?) AND ended_at<?)", "deliveries_job (app_id=? AND job_id=?)"]],
	...Object.entries({
		attempts: [oldJobs.removeAttempts, "attempts_delivery_n (delivery_id=?)"] as const,
		deliveries: [oldJobs.removeDeliveries, "attempts_delivery_n (delivery_id=?)"] as const,
		events: [oldJobs.removeEvents, "events_job_revision (job_id=?)"] as const,
		receipts: [oldJobs.removeReceiptsOf, "receipts_job (job_id=?)"] as const,
		submissions: [oldJobs.removeSubmissions, "submissions_job (job_id=?)"] as const,
		results: [oldJobs.removeResults, "results_1 (job_id=?)"] as const,
		files: [oldJobs.removeJobFiles, "job_files_1 (job_id=?)"] as const,
	}).map(
		([name, [stmt, index]]): Hot => [`${name} of jobs to be removed`, stmt, ["jobs_ended ((ended_at,id)>(?,?) AND ended_at<?)", index]],
	),
];

const MODULES: object[] = [delivery, endpoint, event, finish, follow, models, oldBlobs, oldBodies, oldJobs, oldReceipts, orphans, outbound];
MODULES.push(fileSql, jobFiles, notices, oldNotices);
MODULES.push(oldHeld, recover, breaker, health, watching);
MODULES.push(catchUp, expired, pause, read, resolve, submit, switching, work);

/** By their texts: all that the modules export, and all that a job's way, its timeline and a key's look-up run. */
export async function statements(db: Db, more: (world: World) => Promise<void> = async () => {}): Promise<Map<string, Named>> {
	const found = new Map<string, Named>();
	const note = (stmt: AnyStmt, name: string) => void (found.has(stmt.sql) || found.set(stmt.sql, { name, stmt }));
	for (const [name, what] of HOT) if (isStmt(what)) note(what, name);
	for (const module of MODULES) for (const [name, value] of Object.entries(module)) if (isStmt(value)) note(value, name);
	const run = (stmt: AnyStmt) => note(stmt, stmt.sql.slice(0, 80));
	const recording: Db = {
		...db,
		read: (query) => {
			run(query.stmt);
			return db.read(query);
		},
		batch: (batch) => {
			for (const { stmt } of batch) run(stmt);
			return db.batch(batch);
		},
	};
	const world = await openWorld(recording);
	const { id } = await world.endpoint();
	const job = await submitted(world);
	await world.pass(5000);
	await world.timeline(job);
	await more(world);
	await readEndpoint(world.deps, world.appId, id);
	await callerOf(world.deps, (await createKey(world.deps, world.appId, { name: "one", scopes: ["admin"] })).key);
	world.sandbox.close();
	return found;
}

export interface Named {
	name: string;
	stmt: AnyStmt;
}

/** The one of these statements that is meant. */
export function oneOf(found: ReadonlyMap<string, Named>, what: Hot[1]): Named {
	const meant = [...found.values()].filter(({ stmt }) => (what instanceof RegExp ? what.test(stmt.sql) : what.sql === stmt.sql));
	expect(meant).toHaveLength(1);
	return meant[0]!;
}
