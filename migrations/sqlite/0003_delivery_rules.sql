CREATE TABLE `counters` (
	`name` text PRIMARY KEY NOT NULL,
	`value` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `recoveries` (
	`id` text PRIMARY KEY NOT NULL,
	`app_id` text NOT NULL,
	`endpoint_id` text NOT NULL,
	`state` text NOT NULL,
	`from_id` text NOT NULL,
	`to_id` text NOT NULL,
	`cursor` text NOT NULL,
	`total` integer NOT NULL,
	`recovered` integer NOT NULL,
	`next_step_at` integer,
	`created_at` integer NOT NULL,
	`ended_at` integer
);
--> statement-breakpoint
CREATE INDEX `recoveries_endpoint` ON `recoveries` (`endpoint_id`,`id`);--> statement-breakpoint
CREATE INDEX `recoveries_due` ON `recoveries` (`next_step_at`) WHERE next_step_at IS NOT NULL;--> statement-breakpoint
DROP INDEX `deliveries_undelivered`;--> statement-breakpoint
DROP INDEX `deliveries_held`;--> statement-breakpoint
CREATE INDEX `deliveries_pending` ON `deliveries` (`app_id`,`id`) WHERE state = 'pending';--> statement-breakpoint
CREATE INDEX `deliveries_target_pending` ON `deliveries` (`target`,`id`) WHERE state = 'pending' AND target <> 'job';--> statement-breakpoint
CREATE INDEX `deliveries_troubled` ON `deliveries` (`app_id`,`state`,`id`) WHERE state IN ('held', 'exhausted', 'stopped');--> statement-breakpoint
CREATE INDEX `deliveries_target_troubled` ON `deliveries` (`target`,`state`,`id`) WHERE state IN ('held', 'exhausted', 'stopped');--> statement-breakpoint
CREATE INDEX `deliveries_held_since` ON `deliveries` (`armed_at`,`id`) WHERE state = 'held';--> statement-breakpoint
-- from here on the column says of a held row since when it is held
UPDATE `deliveries` SET `armed_at` = unixepoch() * 1000 WHERE state = 'held';--> statement-breakpoint
ALTER TABLE `apps` ADD `old_secrets` text;--> statement-breakpoint
ALTER TABLE `endpoints` ADD `old_secrets` text;--> statement-breakpoint
ALTER TABLE `endpoints` ADD `retry` text;--> statement-breakpoint
ALTER TABLE `endpoints` ADD `timeout_ms` integer;--> statement-breakpoint
ALTER TABLE `endpoints` ADD `max_in_flight` integer;--> statement-breakpoint
ALTER TABLE `endpoints` ADD `rate_limit` integer;--> statement-breakpoint
ALTER TABLE `endpoints` ADD `rate_period_ms` integer;--> statement-breakpoint
ALTER TABLE `endpoints` ADD `headers` text;--> statement-breakpoint
ALTER TABLE `endpoints` ADD `receiver_since` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `endpoints` ADD `succeeded_at` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `endpoints` ADD `failing_since` integer;--> statement-breakpoint
ALTER TABLE `endpoints` ADD `failed_at` integer;--> statement-breakpoint
ALTER TABLE `endpoints` ADD `failures` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `endpoints` ADD `failing_deliveries` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `endpoints` ADD `judge_at` integer;--> statement-breakpoint
ALTER TABLE `endpoints` ADD `noticed_since` integer;--> statement-breakpoint
CREATE INDEX `endpoints_judged` ON `endpoints` (`judge_at`) WHERE judge_at IS NOT NULL;--> statement-breakpoint
ALTER TABLE `lanes` ADD `counted_from` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `lanes` ADD `tried` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `lanes` ADD `failed` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `lanes` ADD `probation` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `lanes` ADD `deadline_ms` integer;