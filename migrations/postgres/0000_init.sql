CREATE TABLE "accounts" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"provider" text COLLATE "C" NOT NULL,
	"name" text COLLATE "C" NOT NULL,
	"api_key" text COLLATE "C",
	"webhook_secret" text COLLATE "C",
	"created_at" bigint NOT NULL
);
CREATE INDEX "accounts_provider" ON "accounts" ("provider");

CREATE TABLE "apps" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"name" text COLLATE "C" NOT NULL,
	"callback_secret" text COLLATE "C" NOT NULL,
	"created_at" bigint NOT NULL
);
CREATE UNIQUE INDEX "apps_name_unique" ON "apps" ("name");

CREATE TABLE "attempts" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"app_id" text COLLATE "C" NOT NULL,
	"delivery_id" text COLLATE "C" NOT NULL,
	"n" bigint NOT NULL,
	"outcome" text COLLATE "C" NOT NULL,
	"reason" text COLLATE "C" NOT NULL,
	"status" bigint,
	"started_at" bigint NOT NULL,
	"duration_ms" bigint,
	"response" text COLLATE "C",
	"next_attempt_at" bigint
);
CREATE UNIQUE INDEX "attempts_delivery_n" ON "attempts" ("delivery_id","n");

CREATE TABLE "cache" (
	"key" text COLLATE "C" PRIMARY KEY NOT NULL,
	"body" text COLLATE "C" NOT NULL,
	"read_at" bigint NOT NULL
);
CREATE INDEX "cache_read" ON "cache" ("read_at");

CREATE TABLE "deliveries" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"app_id" text COLLATE "C" NOT NULL,
	"job_id" text COLLATE "C" NOT NULL,
	"event_id" text COLLATE "C" NOT NULL,
	"event_type" text COLLATE "C" NOT NULL,
	"target" text COLLATE "C" NOT NULL,
	"state" text COLLATE "C" NOT NULL,
	"lane_id" text COLLATE "C" NOT NULL,
	"next_attempt_at" bigint,
	"claim_id" text COLLATE "C",
	"claimed_at" bigint,
	"attempts" bigint DEFAULT 0 NOT NULL,
	"failures" bigint DEFAULT 0 NOT NULL,
	"reason" text COLLATE "C",
	"armed_at" bigint NOT NULL,
	"created_at" bigint NOT NULL,
	"ended_at" bigint
);
CREATE UNIQUE INDEX "deliveries_event_target" ON "deliveries" ("event_id","target");
CREATE INDEX "deliveries_job" ON "deliveries" ("app_id","job_id","id");
CREATE INDEX "deliveries_app" ON "deliveries" ("app_id","id");
CREATE INDEX "deliveries_target" ON "deliveries" ("target","id");
CREATE INDEX "deliveries_undelivered" ON "deliveries" ("app_id","id") WHERE state NOT IN ('delivered', 'superseded');
CREATE INDEX "deliveries_held" ON "deliveries" ("target","id") WHERE state = 'held';
CREATE INDEX "deliveries_due" ON "deliveries" ("lane_id","next_attempt_at") WHERE next_attempt_at IS NOT NULL;
CREATE INDEX "deliveries_claimed" ON "deliveries" ("lane_id","claim_id") WHERE claim_id IS NOT NULL;

CREATE TABLE "endpoint_event_types" (
	"app_id" text COLLATE "C" NOT NULL,
	"event_type" text COLLATE "C" NOT NULL,
	"endpoint_id" text COLLATE "C" NOT NULL,
	PRIMARY KEY("app_id", "event_type", "endpoint_id")
);
CREATE INDEX "endpoint_event_types_endpoint" ON "endpoint_event_types" ("app_id","endpoint_id");

CREATE TABLE "endpoints" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"app_id" text COLLATE "C" NOT NULL,
	"place" bigint NOT NULL,
	"url" text COLLATE "C" NOT NULL,
	"description" text COLLATE "C",
	"secret" text COLLATE "C" NOT NULL,
	"state" text COLLATE "C" NOT NULL,
	"reason" text COLLATE "C",
	"unsettled_at" bigint,
	"created_at" bigint NOT NULL,
	"updated_at" bigint NOT NULL
);
CREATE UNIQUE INDEX "endpoints_app_place" ON "endpoints" ("app_id","place");
CREATE INDEX "endpoints_app" ON "endpoints" ("app_id","id");
CREATE INDEX "endpoints_unsettled" ON "endpoints" ("unsettled_at") WHERE unsettled_at IS NOT NULL;

CREATE TABLE "events" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"app_id" text COLLATE "C" NOT NULL,
	"job_id" text COLLATE "C" NOT NULL,
	"type" text COLLATE "C" NOT NULL,
	"revision" bigint NOT NULL,
	"body" text COLLATE "C" NOT NULL,
	"created_at" bigint NOT NULL
);
CREATE UNIQUE INDEX "events_job_revision" ON "events" ("job_id","revision");
CREATE INDEX "events_app" ON "events" ("app_id","id");
CREATE INDEX "events_bodies" ON "events" ("created_at","id") WHERE body <> '';

CREATE TABLE "idempotency_keys" (
	"app_id" text COLLATE "C" NOT NULL,
	"route" text COLLATE "C" NOT NULL,
	"key" text COLLATE "C" NOT NULL,
	"fingerprint" text COLLATE "C" NOT NULL,
	"job_id" text COLLATE "C" NOT NULL,
	"expires_at" bigint NOT NULL,
	PRIMARY KEY("app_id", "route", "key")
);
CREATE INDEX "idempotency_keys_expires" ON "idempotency_keys" ("expires_at");

CREATE TABLE "jobs" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"app_id" text COLLATE "C" NOT NULL,
	"provider" text COLLATE "C" NOT NULL,
	"type" text COLLATE "C" NOT NULL,
	"model" text COLLATE "C" NOT NULL,
	"state" text COLLATE "C" NOT NULL,
	"submission_id" text COLLATE "C" NOT NULL,
	"revision" bigint DEFAULT 0 NOT NULL,
	"event_id" text COLLATE "C",
	"input" text COLLATE "C" NOT NULL,
	"input_blob" text COLLATE "C",
	"metadata" text COLLATE "C",
	"webhook_url" text COLLATE "C",
	"webhook_secret" text COLLATE "C",
	"webhook_events" text COLLATE "C",
	"error_code" text COLLATE "C",
	"error_message" text COLLATE "C",
	"created_at" bigint NOT NULL,
	"started_at" bigint,
	"ended_at" bigint
);
CREATE INDEX "jobs_app" ON "jobs" ("app_id","id");
CREATE INDEX "jobs_app_state" ON "jobs" ("app_id","state","id");
CREATE INDEX "jobs_ended" ON "jobs" ("ended_at","id") WHERE ended_at IS NOT NULL;

CREATE TABLE "keys" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"app_id" text COLLATE "C" NOT NULL,
	"name" text COLLATE "C" NOT NULL,
	"scopes" text COLLATE "C" NOT NULL,
	"account_id" text COLLATE "C",
	"hash" text COLLATE "C" NOT NULL,
	"created_at" bigint NOT NULL,
	"revoked_at" bigint
);
CREATE UNIQUE INDEX "keys_hash_unique" ON "keys" ("hash");

CREATE TABLE "lanes" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"kind" text COLLATE "C" NOT NULL,
	"app_id" text COLLATE "C",
	"account_id" text COLLATE "C",
	"max_in_flight" bigint,
	"not_before" bigint DEFAULT 0 NOT NULL,
	"reason" text COLLATE "C",
	"strikes" bigint DEFAULT 0 NOT NULL
);

CREATE TABLE "receipts" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"provider" text COLLATE "C" NOT NULL,
	"account_id" text COLLATE "C" NOT NULL,
	"delivery_id" text COLLATE "C" NOT NULL,
	"source" text COLLATE "C" NOT NULL,
	"outcome" text COLLATE "C" NOT NULL,
	"app_id" text COLLATE "C",
	"job_id" text COLLATE "C",
	"submission_id" text COLLATE "C",
	"provider_job_id" text COLLATE "C",
	"type" text COLLATE "C" NOT NULL,
	"body" text COLLATE "C" NOT NULL,
	"received_at" bigint NOT NULL
);
CREATE UNIQUE INDEX "receipts_delivery" ON "receipts" ("provider","account_id","delivery_id");
CREATE INDEX "receipts_job" ON "receipts" ("job_id");
CREATE INDEX "receipts_received" ON "receipts" ("received_at","id");
CREATE INDEX "receipts_orphans" ON "receipts" ("received_at") WHERE outcome = 'orphan';
CREATE INDEX "receipts_orphan_of" ON "receipts" ("provider","account_id","provider_job_id") WHERE outcome = 'orphan';

CREATE TABLE "results" (
	"job_id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"app_id" text COLLATE "C" NOT NULL,
	"provider_url" text COLLATE "C",
	"read_at" bigint NOT NULL,
	"content" text COLLATE "C",
	"content_blob" text COLLATE "C",
	"content_type" text COLLATE "C"
);

CREATE TABLE "submissions" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"app_id" text COLLATE "C" NOT NULL,
	"job_id" text COLLATE "C" NOT NULL,
	"provider" text COLLATE "C" NOT NULL,
	"account_id" text COLLATE "C" NOT NULL,
	"n" bigint NOT NULL,
	"state" text COLLATE "C" NOT NULL,
	"phase" text COLLATE "C" NOT NULL,
	"lane_id" text COLLATE "C" NOT NULL,
	"next_attempt_at" bigint,
	"claim_id" text COLLATE "C",
	"claimed_at" bigint,
	"provider_job_id" text COLLATE "C",
	"reason" text COLLATE "C",
	"polls" bigint DEFAULT 0 NOT NULL,
	"missing" bigint DEFAULT 0 NOT NULL,
	"missing_since" bigint,
	"fetching_since" bigint,
	"nudged_at" bigint DEFAULT 0 NOT NULL,
	"created_at" bigint NOT NULL,
	"sent_at" bigint,
	"accepted_at" bigint,
	"ended_at" bigint
);
CREATE INDEX "submissions_job" ON "submissions" ("job_id");
CREATE UNIQUE INDEX "submissions_provider_job" ON "submissions" ("provider","account_id","provider_job_id");
CREATE INDEX "submissions_due" ON "submissions" ("lane_id","next_attempt_at") WHERE next_attempt_at IS NOT NULL;
CREATE INDEX "submissions_claimed" ON "submissions" ("lane_id","claim_id") WHERE claim_id IS NOT NULL;

-- Large bodies in pieces of 256 KiB; whole when the last one is there
CREATE TABLE "blob_chunks" (
	"key" text COLLATE "C" NOT NULL,
	"n" bigint NOT NULL,
	"bytes" bytea NOT NULL,
	PRIMARY KEY("key", "n")
);
