CREATE TABLE "counters" (
	"name" text COLLATE "C" PRIMARY KEY NOT NULL,
	"value" bigint NOT NULL
);

CREATE TABLE "recoveries" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"app_id" text COLLATE "C" NOT NULL,
	"endpoint_id" text COLLATE "C" NOT NULL,
	"state" text COLLATE "C" NOT NULL,
	"from_id" text COLLATE "C" NOT NULL,
	"to_id" text COLLATE "C" NOT NULL,
	"cursor" text COLLATE "C" NOT NULL,
	"total" bigint NOT NULL,
	"recovered" bigint NOT NULL,
	"next_step_at" bigint,
	"created_at" bigint NOT NULL,
	"ended_at" bigint
);
CREATE INDEX "recoveries_endpoint" ON "recoveries" ("endpoint_id","id");
CREATE INDEX "recoveries_due" ON "recoveries" ("next_step_at") WHERE next_step_at IS NOT NULL;

DROP INDEX "deliveries_undelivered";
DROP INDEX "deliveries_held";
-- An outage turns the shares of states over faster than ANALYZE runs. Of what is said to be rare any index would do, also a
-- wrong one: nothing is known of states, then. The same type once more drops what is known already.
ALTER TABLE "deliveries" ALTER COLUMN "state" TYPE text COLLATE "C";
ALTER TABLE "deliveries" ALTER COLUMN "state" SET STATISTICS 0;
CREATE INDEX "deliveries_pending" ON "deliveries" ("app_id","id") WHERE state = 'pending';
CREATE INDEX "deliveries_target_pending" ON "deliveries" ("target","id") WHERE state = 'pending' AND target <> 'job';
CREATE INDEX "deliveries_troubled" ON "deliveries" ("app_id","state","id") WHERE state IN ('held', 'exhausted', 'stopped');
CREATE INDEX "deliveries_target_troubled" ON "deliveries" ("target","state","id") WHERE state IN ('held', 'exhausted', 'stopped');
CREATE INDEX "deliveries_held_since" ON "deliveries" ("armed_at","id") WHERE state = 'held';
-- from here on the column says of a held row since when it is held
UPDATE "deliveries" SET "armed_at" = CAST(extract(epoch FROM now()) * 1000 AS bigint) WHERE state = 'held';

ALTER TABLE "apps" ADD COLUMN "old_secrets" text COLLATE "C";
ALTER TABLE "endpoints" ADD COLUMN "old_secrets" text COLLATE "C";
ALTER TABLE "endpoints" ADD COLUMN "retry" text COLLATE "C";
ALTER TABLE "endpoints" ADD COLUMN "timeout_ms" bigint;
ALTER TABLE "endpoints" ADD COLUMN "max_in_flight" bigint;
ALTER TABLE "endpoints" ADD COLUMN "rate_limit" bigint;
ALTER TABLE "endpoints" ADD COLUMN "rate_period_ms" bigint;
ALTER TABLE "endpoints" ADD COLUMN "headers" text COLLATE "C";
ALTER TABLE "endpoints" ADD COLUMN "receiver_since" bigint DEFAULT 0 NOT NULL;
ALTER TABLE "endpoints" ADD COLUMN "succeeded_at" bigint DEFAULT 0 NOT NULL;
ALTER TABLE "endpoints" ADD COLUMN "failing_since" bigint;
ALTER TABLE "endpoints" ADD COLUMN "failed_at" bigint;
ALTER TABLE "endpoints" ADD COLUMN "failures" bigint DEFAULT 0 NOT NULL;
ALTER TABLE "endpoints" ADD COLUMN "failing_deliveries" bigint DEFAULT 0 NOT NULL;
ALTER TABLE "endpoints" ADD COLUMN "judge_at" bigint;
ALTER TABLE "endpoints" ADD COLUMN "noticed_since" bigint;
CREATE INDEX "endpoints_judged" ON "endpoints" ("judge_at") WHERE judge_at IS NOT NULL;
ALTER TABLE "lanes" ADD COLUMN "counted_from" bigint DEFAULT 0 NOT NULL;
ALTER TABLE "lanes" ADD COLUMN "tried" bigint DEFAULT 0 NOT NULL;
ALTER TABLE "lanes" ADD COLUMN "failed" bigint DEFAULT 0 NOT NULL;
ALTER TABLE "lanes" ADD COLUMN "probation" bigint DEFAULT 0 NOT NULL;
ALTER TABLE "lanes" ADD COLUMN "deadline_ms" bigint;
