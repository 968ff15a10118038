CREATE TABLE "files" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"app_id" text COLLATE "C" NOT NULL,
	"name" text COLLATE "C",
	"content_type" text COLLATE "C" NOT NULL,
	"size_bytes" bigint NOT NULL,
	"sha256" text COLLATE "C" NOT NULL,
	"blob" text COLLATE "C" NOT NULL,
	"created_at" bigint NOT NULL,
	"expires_at" bigint NOT NULL
);
CREATE INDEX "files_app" ON "files" ("app_id","id");
CREATE INDEX "files_expires" ON "files" ("expires_at","id");

CREATE TABLE "job_files" (
	"job_id" text COLLATE "C" NOT NULL,
	"field" text COLLATE "C" NOT NULL,
	"app_id" text COLLATE "C" NOT NULL,
	"file_id" text COLLATE "C" NOT NULL,
	"name" text COLLATE "C",
	"content_type" text COLLATE "C" NOT NULL,
	"size_bytes" bigint NOT NULL,
	"sha256" text COLLATE "C" NOT NULL,
	"blob" text COLLATE "C" NOT NULL,
	PRIMARY KEY("job_id","field")
);
CREATE INDEX "job_files_file" ON "job_files" ("file_id");

ALTER TABLE "lanes" ADD COLUMN "spacing_ms" bigint;
ALTER TABLE "lanes" ADD COLUMN "burst" bigint DEFAULT 1 NOT NULL;
ALTER TABLE "lanes" ADD COLUMN "paced_at" bigint DEFAULT 0 NOT NULL;
ALTER TABLE "lanes" ADD COLUMN "clock_ms" bigint DEFAULT 0 NOT NULL;
ALTER TABLE "lanes" ADD COLUMN "heard_at" bigint DEFAULT 0 NOT NULL;
ALTER TABLE "results" ADD COLUMN "size_bytes" bigint;
ALTER TABLE "results" ADD COLUMN "sha256" text COLLATE "C";
ALTER TABLE "submissions" ADD COLUMN "result_url" text COLLATE "C";
ALTER TABLE "submissions" ADD COLUMN "silent_since" bigint;
ALTER TABLE "submissions" ADD COLUMN "clock_from" bigint;
