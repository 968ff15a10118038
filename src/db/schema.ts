import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

/*
 * One model for SQLite, D1 and PostgreSQL: text, integer milliseconds (`_at`), 0/1, JSON kept as text and never queried inside.
 * No foreign keys and no CHECKs: every row is written by a guarded batch, and SQLite rebuilds a table to change either.
 * A table that is written with a bare ON CONFLICT DO NOTHING has one unique key besides its random id, for it hides any clash.
 */

/** A tenant. Every row below that belongs to one names it, and every query by a client filters on it. */
export const apps = sqliteTable("apps", {
	id: text("id").primaryKey(),
	name: text("name").notNull().unique(),
	/** Sealed. Signs the callbacks of jobs that bring no `webhook_secret`. */
	callbackSecret: text("callback_secret").notNull(),
	/** Those before it that still sign beside it, as of an endpoint. */
	oldSecrets: text("old_secrets"),
	createdAt: integer("created_at").notNull(),
});

export const keys = sqliteTable("keys", {
	id: text("id").primaryKey(),
	appId: text("app_id").notNull(),
	name: text("name").notNull(),
	/** What it may do: `submit`, `read`, `admin`, with commas. */
	scopes: text("scopes").notNull(),
	/** Set for an imported provider key: its jobs go to this account. */
	accountId: text("account_id"),
	/** Hex SHA-256 of the whole key; the key itself is shown once and kept nowhere. */
	hash: text("hash").notNull().unique(),
	createdAt: integer("created_at").notNull(),
	revokedAt: integer("revoked_at"),
});

/** One credential set of the operator at a provider. The id reads `<provider>:<name>`; those of `default` come from the settings. */
export const accounts = sqliteTable(
	"accounts",
	{
		id: text("id").primaryKey(),
		provider: text("provider").notNull(),
		name: text("name").notNull(),
		/** Sealed; null for `default`. */
		apiKey: text("api_key"),
		webhookSecret: text("webhook_secret"),
		createdAt: integer("created_at").notNull(),
	},
	(t) => [index("accounts_provider").on(t.provider)],
);

/** What is limited, paused and served in turn. `not_before` ahead of now = paused. */
export const lanes = sqliteTable("lanes", {
	id: text("id").primaryKey(),
	kind: text("kind", { enum: ["dispatch", "poll", "content", "input", "endpoint", "url"] }).notNull(),
	appId: text("app_id"),
	accountId: text("account_id"),
	/** Null: `LANE_CONCURRENCY`. */
	maxInFlight: integer("max_in_flight"),
	notBefore: integer("not_before").notNull().default(0),
	/** Why it is paused, and how many pauses came in a row: the next one is twice as long. */
	reason: text("reason"),
	strikes: integer("strikes").notNull().default(0),
	/** Its breaker counts attempts and failures since the failure at `counted_from`; after a pause, how many must succeed in a row. */
	countedFrom: integer("counted_from").notNull().default(0),
	tried: integer("tried").notNull().default(0),
	failed: integer("failed").notNull().default(0),
	probation: integer("probation").notNull().default(0),
	/** Milliseconds of one attempt, all in all. Null: the setting's. */
	deadlineMs: integer("deadline_ms"),
	/** Its pace: milliseconds from one start to the next, and how many may start at once after a rest. Null: as fast as slots are free. */
	spacingMs: integer("spacing_ms"),
	burst: integer("burst").notNull().default(1),
	/** When the starts so far are paid off at that pace: ahead of now by `burst` spacings, the next one waits. */
	pacedAt: integer("paced_at").notNull().default(0),
	/** A poll lane's clock, which runs only while the provider answers, and when it last did. */
	clockMs: integer("clock_ms").notNull().default(0),
	heardAt: integer("heard_at").notNull().default(0),
});

export const jobs = sqliteTable(
	"jobs",
	{
		id: text("id").primaryKey(),
		appId: text("app_id").notNull(),
		provider: text("provider").notNull(),
		type: text("type").notNull(),
		model: text("model").notNull(),
		state: text("state", { enum: ["queued", "submitted", "processing", "completed", "failed", "canceled"] }).notNull(),
		/** The current submission: only this one may move the job. */
		submissionId: text("submission_id").notNull(),
		/** Counts the job's events: 0 before the first. Every move is guarded by the value it read. */
		revision: integer("revision").notNull().default(0),
		/** The last event, written first in its batch: the rows after it require it. */
		eventId: text("event_id"),
		/** JSON text; `{}` where `input_blob` is the key of it. */
		input: text("input").notNull(),
		inputBlob: text("input_blob"),
		metadata: text("metadata"),
		webhookUrl: text("webhook_url"),
		webhookSecret: text("webhook_secret"),
		webhookEvents: text("webhook_events"),
		errorCode: text("error_code"),
		errorMessage: text("error_message"),
		createdAt: integer("created_at").notNull(),
		startedAt: integer("started_at"),
		endedAt: integer("ended_at"),
	},
	(t) => [
		index("jobs_app").on(t.appId, t.id),
		index("jobs_app_state").on(t.appId, t.state, t.id),
		index("jobs_ended").on(t.endedAt, t.id).where(sql`ended_at IS NOT NULL`),
	],
);

/**
 * One send of a job to a provider, and then the row that asks how it went.
 * `next_attempt_at`: when it is due; while claimed, when the lease ends; null when there is nothing left to do.
 */
export const submissions = sqliteTable(
	"submissions",
	{
		id: text("id").primaryKey(),
		appId: text("app_id").notNull(),
		jobId: text("job_id").notNull(),
		provider: text("provider").notNull(),
		accountId: text("account_id").notNull(),
		/** The how-manieth send of its job, from 1. */
		n: integer("n").notNull(),
		state: text("state", {
			enum: ["pending", "sending", "accepted", "refused", "not_taken", "unknown", "superseded"],
		}).notNull(),
		/** `input`: files are still to be fetched from their URLs. `result`: the job is done at the provider, and what it made is. */
		phase: text("phase", { enum: ["input", "send", "poll", "result"] }).notNull(),
		laneId: text("lane_id").notNull(),
		nextAttemptAt: integer("next_attempt_at"),
		claimId: text("claim_id"),
		claimedAt: integer("claimed_at"),
		providerJobId: text("provider_job_id"),
		/** How the last send or poll went, in a closed list of words. */
		reason: text("reason"),
		polls: integer("polls").notNull().default(0),
		/** Polls in a row that found no such job, and since when. */
		missing: integer("missing").notNull().default(0),
		missingSince: integer("missing_since"),
		/** Since when the input or the result is being fetched. */
		fetchingSince: integer("fetching_since"),
		/** The provider's link to what it made, as it was told, while that is being fetched. */
		resultUrl: text("result_url"),
		/** Since when every question about it has failed. */
		silentSince: integer("silent_since"),
		/** What the clock of its poll lane said when the provider first answered about it: its deadline runs on that clock. */
		clockFrom: integer("clock_from"),
		/** When a hook that proved nothing last made the poll due. */
		nudgedAt: integer("nudged_at").notNull().default(0),
		createdAt: integer("created_at").notNull(),
		sentAt: integer("sent_at"),
		acceptedAt: integer("accepted_at"),
		endedAt: integer("ended_at"),
	},
	(t) => [
		index("submissions_job").on(t.jobId),
		uniqueIndex("submissions_provider_job").on(t.provider, t.accountId, t.providerJobId),
		index("submissions_due").on(t.laneId, t.nextAttemptAt).where(sql`next_attempt_at IS NOT NULL`),
		index("submissions_claimed").on(t.laneId, t.claimId).where(sql`claim_id IS NOT NULL`),
	],
);

/** The stored proof that a provider told us something: its hook, or its answer to a poll. */
export const receipts = sqliteTable(
	"receipts",
	{
		id: text("id").primaryKey(),
		provider: text("provider").notNull(),
		accountId: text("account_id").notNull(),
		/** The signed delivery id of a hook; `poll:<submission>:<event>` for an answer to a poll. */
		deliveryId: text("delivery_id").notNull(),
		source: text("source", { enum: ["hook", "poll"] }).notNull(),
		outcome: text("outcome", {
			enum: ["applied", "repeated", "late", "conflicting", "mismatched", "orphan", "ignored", "unreadable"],
		}).notNull(),
		appId: text("app_id"),
		jobId: text("job_id"),
		submissionId: text("submission_id"),
		providerJobId: text("provider_job_id"),
		type: text("type").notNull(),
		/** The bytes as they came, as text, of an answer to a poll the beginning; an orphan is read again from here. */
		body: text("body").notNull(),
		receivedAt: integer("received_at").notNull(),
	},
	(t) => [
		uniqueIndex("receipts_delivery").on(t.provider, t.accountId, t.deliveryId),
		index("receipts_job").on(t.jobId),
		index("receipts_received").on(t.receivedAt, t.id),
		index("receipts_orphans").on(t.receivedAt).where(sql`outcome = 'orphan'`),
		index("receipts_orphan_of").on(t.provider, t.accountId, t.providerJobId).where(sql`outcome = 'orphan'`),
	],
);

/** A fact we recorded. Its id is the `webhook-id`; its body is rendered once and never again. */
export const events = sqliteTable(
	"events",
	{
		id: text("id").primaryKey(),
		appId: text("app_id").notNull(),
		/** Of an event for the operator: what it is about, and `revision` is what tells it from the one before. */
		jobId: text("job_id").notNull(),
		type: text("type").notNull(),
		revision: integer("revision").notNull(),
		/** Empty once it was kept long enough: then it is not sent any more. */
		body: text("body").notNull(),
		createdAt: integer("created_at").notNull(),
	},
	(t) => [
		uniqueIndex("events_job_revision").on(t.jobId, t.revision),
		index("events_app").on(t.appId, t.id),
		index("events_bodies").on(t.createdAt, t.id).where(sql`body <> ''`),
	],
);

/** How a finished job's result is reached. */
export const results = sqliteTable("results", {
	jobId: text("job_id").primaryKey(),
	appId: text("app_id").notNull(),
	/** The provider's own link, which expires, and when it was last read. Null where the result is text. */
	providerUrl: text("provider_url"),
	readAt: integer("read_at").notNull(),
	/** A result that was fetched: its text, or the key of it, and its media type. */
	content: text("content"),
	contentBlob: text("content_blob"),
	contentType: text("content_type"),
	/** Of a file that is kept: bytes, and their SHA-256 in hex. Null for text, and for a link. */
	sizeBytes: integer("size_bytes"),
	sha256: text("sha256"),
});

/** A file that an app uploaded, to be named by its id in jobs until it expires. */
export const files = sqliteTable(
	"files",
	{
		id: text("id").primaryKey(),
		appId: text("app_id").notNull(),
		/** As the client called it. */
		name: text("name"),
		/** By its bytes, not by what the client said. */
		contentType: text("content_type").notNull(),
		sizeBytes: integer("size_bytes").notNull(),
		sha256: text("sha256").notNull(),
		blob: text("blob").notNull(),
		createdAt: integer("created_at").notNull(),
		expiresAt: integer("expires_at").notNull(),
	},
	(t) => [index("files_app").on(t.appId, t.id), index("files_expires").on(t.expiresAt, t.id)],
);

/**
 * The files that a job is run with, one row per field of its input: an uploaded one, which stays for the job when it expires
 * or is deleted, or one that was fetched from a URL.
 */
export const jobFiles = sqliteTable(
	"job_files",
	{
		jobId: text("job_id").notNull(),
		field: text("field").notNull(),
		appId: text("app_id").notNull(),
		fileId: text("file_id").notNull(),
		name: text("name"),
		contentType: text("content_type").notNull(),
		sizeBytes: integer("size_bytes").notNull(),
		sha256: text("sha256").notNull(),
		blob: text("blob").notNull(),
	},
	(t) => [primaryKey({ columns: [t.jobId, t.field] }), index("job_files_file").on(t.fileId)],
);

export const endpoints = sqliteTable(
	"endpoints",
	{
		id: text("id").primaryKey(),
		appId: text("app_id").notNull(),
		/** Counts an app's endpoints from 1; its deliveries' ids end in it. */
		place: integer("place").notNull(),
		url: text("url").notNull(),
		description: text("description"),
		/** Sealed. */
		secret: text("secret").notNull(),
		/** JSON: those before it that still sign beside it, sealed, each with its end. */
		oldSecrets: text("old_secrets"),
		/** `deapi`, or JSON: seconds. Null: the settings' schedule. */
		retry: text("retry"),
		/** Null: the settings'. Its lane has the same, and the rate as a pace. */
		timeoutMs: integer("timeout_ms"),
		maxInFlight: integer("max_in_flight"),
		rateLimit: integer("rate_limit"),
		ratePeriodMs: integer("rate_period_ms"),
		/** Sealed JSON: header fields of every callback. */
		headers: text("headers"),
		/** Since when it is this receiver: made, given another URL, or switched. What is told of an attempt from before is of another one. */
		receiverSince: integer("receiver_since").notNull().default(0),
		/** When it was last known to be well, within an hour: made, enabled, or an attempt acknowledged. 0: before that was kept. */
		succeededAt: integer("succeeded_at").notNull().default(0),
		/** Since the last success: the first failure, the last one, how many, and of how many deliveries. */
		failingSince: integer("failing_since"),
		failedAt: integer("failed_at"),
		failures: integer("failures").notNull().default(0),
		failingDeliveries: integer("failing_deliveries").notNull().default(0),
		/** When to look at these next, and the `failing_since` that the operator was told of. */
		judgeAt: integer("judge_at"),
		noticedSince: integer("noticed_since"),
		/** A deleted one keeps its row for the history of its deliveries, and its place. */
		state: text("state", { enum: ["enabled", "disabled", "deleted"] }).notNull(),
		reason: text("reason"),
		/** When its state last changed; null once all its deliveries have followed. */
		unsettledAt: integer("unsettled_at"),
		createdAt: integer("created_at").notNull(),
		updatedAt: integer("updated_at").notNull(),
	},
	(t) => [
		uniqueIndex("endpoints_app_place").on(t.appId, t.place),
		index("endpoints_app").on(t.appId, t.id),
		index("endpoints_unsettled").on(t.unsettledAt).where(sql`unsettled_at IS NOT NULL`),
		index("endpoints_judged").on(t.judgeAt).where(sql`judge_at IS NOT NULL`),
	],
);

/** One row per subscribed type; the fan-out reads this key. */
export const endpointEventTypes = sqliteTable(
	"endpoint_event_types",
	{
		appId: text("app_id").notNull(),
		eventType: text("event_type").notNull(),
		endpointId: text("endpoint_id").notNull(),
	},
	(t) => [primaryKey({ columns: [t.appId, t.eventType, t.endpointId] }), index("endpoint_event_types_endpoint").on(t.appId, t.endpointId)],
);

/**
 * Event × target. `next_attempt_at` is set exactly while the delivery is pending: when it is due, or, while claimed, when
 * the lease ends.
 */
export const deliveries = sqliteTable(
	"deliveries",
	{
		id: text("id").primaryKey(),
		appId: text("app_id").notNull(),
		jobId: text("job_id").notNull(),
		eventId: text("event_id").notNull(),
		eventType: text("event_type").notNull(),
		/** An endpoint's id, or `job` for the job's own `webhook_url`. */
		target: text("target").notNull(),
		state: text("state", { enum: ["pending", "delivered", "exhausted", "held", "stopped", "superseded"] }).notNull(),
		laneId: text("lane_id").notNull(),
		nextAttemptAt: integer("next_attempt_at"),
		claimId: text("claim_id"),
		claimedAt: integer("claimed_at"),
		/** Attempts started, and of these the ones that spent budget. */
		attempts: integer("attempts").notNull().default(0),
		failures: integer("failures").notNull().default(0),
		reason: text("reason"),
		/** Since when its age counts: made, asked for again, or let go when its endpoint was enabled. While it is held: since when. */
		armedAt: integer("armed_at").notNull(),
		createdAt: integer("created_at").notNull(),
		endedAt: integer("ended_at"),
	},
	(t) => [
		uniqueIndex("deliveries_event_target").on(t.eventId, t.target),
		index("deliveries_job").on(t.appId, t.jobId, t.id),
		index("deliveries_app").on(t.appId, t.id),
		index("deliveries_target").on(t.target, t.id),
		index("deliveries_pending").on(t.appId, t.id).where(sql`state = 'pending'`),
		index("deliveries_target_pending").on(t.target, t.id).where(sql`state = 'pending' AND target <> 'job'`),
		index("deliveries_troubled").on(t.appId, t.state, t.id).where(sql`state IN ('held', 'exhausted', 'stopped')`),
		index("deliveries_target_troubled").on(t.target, t.state, t.id).where(sql`state IN ('held', 'exhausted', 'stopped')`),
		index("deliveries_held_since").on(t.armedAt, t.id).where(sql`state = 'held'`),
		index("deliveries_due").on(t.laneId, t.nextAttemptAt).where(sql`next_attempt_at IS NOT NULL`),
		index("deliveries_claimed").on(t.laneId, t.claimId).where(sql`claim_id IS NOT NULL`),
	],
);

/** A wish to send once more, a little at a time, what one endpoint has not got of a range. */
export const recoveries = sqliteTable(
	"recoveries",
	{
		id: text("id").primaryKey(),
		appId: text("app_id").notNull(),
		endpointId: text("endpoint_id").notNull(),
		state: text("state", { enum: ["running", "finished", "canceled"] }).notNull(),
		/** Deliveries with ids `from_id <= id < to_id`; those up to `cursor`, which ends in the token of its step, have been seen to. */
		fromId: text("from_id").notNull(),
		toId: text("to_id").notNull(),
		cursor: text("cursor").notNull(),
		/** How many there were when it was asked for, and how many are due again. */
		total: integer("total").notNull(),
		recovered: integer("recovered").notNull(),
		/** When its next step is due; null when it is over. */
		nextStepAt: integer("next_step_at"),
		createdAt: integer("created_at").notNull(),
		endedAt: integer("ended_at"),
	},
	(t) => [
		index("recoveries_endpoint").on(t.endpointId, t.id),
		index("recoveries_due").on(t.nextStepAt).where(sql`next_step_at IS NOT NULL`),
	],
);

/** How often something has happened, ever. */
export const counters = sqliteTable("counters", {
	name: text("name").primaryKey(),
	value: integer("value").notNull(),
});

/** One POST of a delivery. `n` counts from 1 and is fixed at the claim. */
export const attempts = sqliteTable(
	"attempts",
	{
		id: text("id").primaryKey(),
		appId: text("app_id").notNull(),
		deliveryId: text("delivery_id").notNull(),
		n: integer("n").notNull(),
		outcome: text("outcome", { enum: ["delivered", "failed", "interrupted"] }).notNull(),
		reason: text("reason").notNull(),
		status: integer("status"),
		startedAt: integer("started_at").notNull(),
		durationMs: integer("duration_ms"),
		/** The first bytes of the receiver's answer, as text. */
		response: text("response"),
		nextAttemptAt: integer("next_attempt_at"),
	},
	(t) => [uniqueIndex("attempts_delivery_n").on(t.deliveryId, t.n)],
);

export const idempotencyKeys = sqliteTable(
	"idempotency_keys",
	{
		appId: text("app_id").notNull(),
		route: text("route").notNull(),
		key: text("key").notNull(),
		/** Hex SHA-256 of the canonical request. */
		fingerprint: text("fingerprint").notNull(),
		jobId: text("job_id").notNull(),
		expiresAt: integer("expires_at").notNull(),
	},
	(t) => [primaryKey({ columns: [t.appId, t.route, t.key] }), index("idempotency_keys_expires").on(t.expiresAt)],
);

/** What a provider told that may be told again while it is down, e.g. its models. */
export const cache = sqliteTable(
	"cache",
	{
		key: text("key").primaryKey(),
		body: text("body").notNull(),
		readAt: integer("read_at").notNull(),
	},
	(t) => [index("cache_read").on(t.readAt)],
);
