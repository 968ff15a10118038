CREATE TABLE `files` (
	`id` text PRIMARY KEY NOT NULL,
	`app_id` text NOT NULL,
	`name` text,
	`content_type` text NOT NULL,
	`size_bytes` integer NOT NULL,
	`sha256` text NOT NULL,
	`blob` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `files_app` ON `files` (`app_id`,`id`);--> statement-breakpoint
CREATE INDEX `files_expires` ON `files` (`expires_at`,`id`);--> statement-breakpoint
CREATE TABLE `job_files` (
	`job_id` text NOT NULL,
	`field` text NOT NULL,
	`app_id` text NOT NULL,
	`file_id` text NOT NULL,
	`name` text,
	`content_type` text NOT NULL,
	`size_bytes` integer NOT NULL,
	`sha256` text NOT NULL,
	`blob` text NOT NULL,
	PRIMARY KEY(`job_id`, `field`)
);
--> statement-breakpoint
CREATE INDEX `job_files_file` ON `job_files` (`file_id`);--> statement-breakpoint
ALTER TABLE `lanes` ADD `spacing_ms` integer;--> statement-breakpoint
ALTER TABLE `lanes` ADD `burst` integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE `lanes` ADD `paced_at` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `lanes` ADD `clock_ms` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `lanes` ADD `heard_at` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `results` ADD `size_bytes` integer;--> statement-breakpoint
ALTER TABLE `results` ADD `sha256` text;--> statement-breakpoint
ALTER TABLE `submissions` ADD `result_url` text;--> statement-breakpoint
ALTER TABLE `submissions` ADD `silent_since` integer;--> statement-breakpoint
ALTER TABLE `submissions` ADD `clock_from` integer;