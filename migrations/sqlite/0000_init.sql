CREATE TABLE `accounts` (
	`id` text PRIMARY KEY NOT NULL,
	`provider` text NOT NULL,
	`name` text NOT NULL,
	`api_key` text,
	`webhook_secret` text,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `accounts_provider` ON `accounts` (`provider`);--> statement-breakpoint
CREATE TABLE `apps` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`callback_secret` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `apps_name_unique` ON `apps` (`name`);--> statement-breakpoint
CREATE TABLE `attempts` (
	`id` text PRIMARY KEY NOT NULL,
	`app_id` text NOT NULL,
	`delivery_id` text NOT NULL,
	`n` integer NOT NULL,
	`outcome` text NOT NULL,
	`reason` text NOT NULL,
	`status` integer,
	`started_at` integer NOT NULL,
	`duration_ms` integer,
	`response` text,
	`next_attempt_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `attempts_delivery_n` ON `attempts` (`delivery_id`,`n`);--> statement-breakpoint
CREATE TABLE `cache` (
	`key` text PRIMARY KEY NOT NULL,
	`body` text NOT NULL,
	`read_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `cache_read` ON `cache` (`read_at`);--> statement-breakpoint
CREATE TABLE `deliveries` (
	`id` text PRIMARY KEY NOT NULL,
	`app_id` text NOT NULL,
	`job_id` text NOT NULL,
	`event_id` text NOT NULL,
	`event_type` text NOT NULL,
	`target` text NOT NULL,
	`state` text NOT NULL,
	`lane_id` text NOT NULL,
	`next_attempt_at` integer,
	`claim_id` text,
	`claimed_at` integer,
	`attempts` integer DEFAULT 0 NOT NULL,
	`failures` integer DEFAULT 0 NOT NULL,
	`reason` text,
	`armed_at` integer NOT NULL,
	`created_at` integer NOT NULL,
	`ended_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `deliveries_event_target` ON `deliveries` (`event_id`,`target`);--> statement-breakpoint
CREATE INDEX `deliveries_job` ON `deliveries` (`app_id`,`job_id`,`id`);--> statement-breakpoint
CREATE INDEX `deliveries_app` ON `deliveries` (`app_id`,`id`);--> statement-breakpoint
CREATE INDEX `deliveries_target` ON `deliveries` (`target`,`id`);--> statement-breakpoint
CREATE INDEX `deliveries_undelivered` ON `deliveries` (`app_id`,`id`) WHERE state NOT IN ('delivered', 'superseded');--> statement-breakpoint
CREATE INDEX `deliveries_held` ON `deliveries` (`target`,`id`) WHERE state = 'held';--> statement-breakpoint
CREATE INDEX `deliveries_due` ON `deliveries` (`lane_id`,`next_attempt_at`) WHERE next_attempt_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `deliveries_claimed` ON `deliveries` (`lane_id`,`claim_id`) WHERE claim_id IS NOT NULL;--> statement-breakpoint
CREATE TABLE `endpoint_event_types` (
	`app_id` text NOT NULL,
	`event_type` text NOT NULL,
	`endpoint_id` text NOT NULL,
	PRIMARY KEY(`app_id`, `event_type`, `endpoint_id`)
);
--> statement-breakpoint
CREATE INDEX `endpoint_event_types_endpoint` ON `endpoint_event_types` (`app_id`,`endpoint_id`);--> statement-breakpoint
CREATE TABLE `endpoints` (
	`id` text PRIMARY KEY NOT NULL,
	`app_id` text NOT NULL,
	`place` integer NOT NULL,
	`url` text NOT NULL,
	`description` text,
	`secret` text NOT NULL,
	`state` text NOT NULL,
	`reason` text,
	`unsettled_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `endpoints_app_place` ON `endpoints` (`app_id`,`place`);--> statement-breakpoint
CREATE INDEX `endpoints_app` ON `endpoints` (`app_id`,`id`);--> statement-breakpoint
CREATE INDEX `endpoints_unsettled` ON `endpoints` (`unsettled_at`) WHERE unsettled_at IS NOT NULL;--> statement-breakpoint
CREATE TABLE `events` (
	`id` text PRIMARY KEY NOT NULL,
	`app_id` text NOT NULL,
	`job_id` text NOT NULL,
	`type` text NOT NULL,
	`revision` integer NOT NULL,
	`body` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `events_job_revision` ON `events` (`job_id`,`revision`);--> statement-breakpoint
CREATE INDEX `events_app` ON `events` (`app_id`,`id`);--> statement-breakpoint
CREATE INDEX `events_bodies` ON `events` (`created_at`,`id`) WHERE body <> '';--> statement-breakpoint
CREATE TABLE `idempotency_keys` (
	`app_id` text NOT NULL,
	`route` text NOT NULL,
	`key` text NOT NULL,
	`fingerprint` text NOT NULL,
	`job_id` text NOT NULL,
	`expires_at` integer NOT NULL,
	PRIMARY KEY(`app_id`, `route`, `key`)
);
--> statement-breakpoint
CREATE INDEX `idempotency_keys_expires` ON `idempotency_keys` (`expires_at`);--> statement-breakpoint
CREATE TABLE `jobs` (
	`id` text PRIMARY KEY NOT NULL,
	`app_id` text NOT NULL,
	`provider` text NOT NULL,
	`type` text NOT NULL,
	`model` text NOT NULL,
	`state` text NOT NULL,
	`submission_id` text NOT NULL,
	`revision` integer DEFAULT 0 NOT NULL,
	`event_id` text,
	`input` text NOT NULL,
	`metadata` text,
	`webhook_url` text,
	`webhook_secret` text,
	`webhook_events` text,
	`error_code` text,
	`error_message` text,
	`created_at` integer NOT NULL,
	`started_at` integer,
	`ended_at` integer
);
--> statement-breakpoint
CREATE INDEX `jobs_app` ON `jobs` (`app_id`,`id`);--> statement-breakpoint
CREATE INDEX `jobs_app_state` ON `jobs` (`app_id`,`state`,`id`);--> statement-breakpoint
CREATE INDEX `jobs_ended` ON `jobs` (`ended_at`,`id`) WHERE ended_at IS NOT NULL;--> statement-breakpoint
CREATE TABLE `keys` (
	`id` text PRIMARY KEY NOT NULL,
	`app_id` text NOT NULL,
	`name` text NOT NULL,
	`scopes` text NOT NULL,
	`account_id` text,
	`hash` text NOT NULL,
	`created_at` integer NOT NULL,
	`revoked_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `keys_hash_unique` ON `keys` (`hash`);--> statement-breakpoint
CREATE TABLE `lanes` (
	`id` text PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`app_id` text,
	`account_id` text,
	`max_in_flight` integer,
	`not_before` integer DEFAULT 0 NOT NULL,
	`reason` text,
	`strikes` integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE `receipts` (
	`id` text PRIMARY KEY NOT NULL,
	`provider` text NOT NULL,
	`account_id` text NOT NULL,
	`delivery_id` text NOT NULL,
	`source` text NOT NULL,
	`outcome` text NOT NULL,
	`app_id` text,
	`job_id` text,
	`submission_id` text,
	`provider_job_id` text,
	`type` text NOT NULL,
	`body` text NOT NULL,
	`received_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `receipts_delivery` ON `receipts` (`provider`,`account_id`,`delivery_id`);--> statement-breakpoint
CREATE INDEX `receipts_job` ON `receipts` (`job_id`);--> statement-breakpoint
CREATE INDEX `receipts_received` ON `receipts` (`received_at`,`id`);--> statement-breakpoint
CREATE INDEX `receipts_orphans` ON `receipts` (`received_at`) WHERE outcome = 'orphan';--> statement-breakpoint
CREATE INDEX `receipts_orphan_of` ON `receipts` (`provider`,`account_id`,`provider_job_id`) WHERE outcome = 'orphan';--> statement-breakpoint
CREATE TABLE `results` (
	`job_id` text PRIMARY KEY NOT NULL,
	`app_id` text NOT NULL,
	`provider_url` text,
	`read_at` integer NOT NULL,
	`content` text,
	`content_type` text
);
--> statement-breakpoint
CREATE TABLE `submissions` (
	`id` text PRIMARY KEY NOT NULL,
	`app_id` text NOT NULL,
	`job_id` text NOT NULL,
	`provider` text NOT NULL,
	`account_id` text NOT NULL,
	`n` integer NOT NULL,
	`state` text NOT NULL,
	`phase` text NOT NULL,
	`lane_id` text NOT NULL,
	`next_attempt_at` integer,
	`claim_id` text,
	`claimed_at` integer,
	`provider_job_id` text,
	`reason` text,
	`polls` integer DEFAULT 0 NOT NULL,
	`missing` integer DEFAULT 0 NOT NULL,
	`missing_since` integer,
	`fetching_since` integer,
	`nudged_at` integer DEFAULT 0 NOT NULL,
	`created_at` integer NOT NULL,
	`sent_at` integer,
	`accepted_at` integer,
	`ended_at` integer
);
--> statement-breakpoint
CREATE INDEX `submissions_job` ON `submissions` (`job_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `submissions_provider_job` ON `submissions` (`provider`,`account_id`,`provider_job_id`);--> statement-breakpoint
CREATE INDEX `submissions_due` ON `submissions` (`lane_id`,`next_attempt_at`) WHERE next_attempt_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `submissions_claimed` ON `submissions` (`lane_id`,`claim_id`) WHERE claim_id IS NOT NULL;