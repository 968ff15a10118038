ALTER TABLE `jobs` ADD `input_blob` text;--> statement-breakpoint
ALTER TABLE `results` ADD `content_blob` text;