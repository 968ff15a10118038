import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callerOf, createKey } from "../../src/access/keys.ts";
import type { Db, Stmt } from "../../src/db/db.ts";
import * as finish from "../../src/jobs/sql/finish.ts";
import * as read from "../../src/jobs/sql/read.ts";
import * as submit from "../../src/jobs/sql/submit.ts";
import * as work from "../../src/jobs/sql/work.ts";
import * as pause from "../../src/lanes/pause.ts";
import { readEndpoint } from "../../src/outbound/endpoint.ts";
import * as outbound from "../../src/outbound/sql.ts";
import { KINDS, laneRow, parents, ports } from "../suite/store/rows.ts";
import { freshSqlite } from "../support/sqlite.ts";
import { openWorld, submitted } from "../support/world.ts";

const isStmt = (value: unknown): value is Stmt<never, unknown> =>
	typeof value === "object" && value !== null && "bind" in value && "sql" in value;

/** Passes over rows on purpose: claims under way are few, and so are lanes, where an account is in trouble. */
const MAY_SCAN: Record<string, RegExp> = {
	expiredClaims: /^SCAN (deliveries|submissions) USING INDEX \w+_claimed$/,
	pauseAccount: /^SCAN lanes$/,
};
/** A row made of values, or what another step of the same plan yields. */
const NO_TABLE = /^SCAN (CONSTANT ROW|walk|first|\(subquery-\d+\))$/;

/** What is run for every request, hook, attempt or round, and the indexes it must use. A private one is known by its words. */
const HOT: [name: string, what: RegExp | Stmt<never, unknown>, indexes: string[]][] = [
	["lanes with deliveries", /^WITH RECURSIVE walk[^"]+"deliveries"/, ["deliveries_due (lane_id>?)", "deliveries_due (lane_id=? AND next"]],
	[
		"lanes with submissions",
		/^WITH RECURSIVE walk[^"]+"submissions"/,
		["submissions_due (lane_id>?)", "submissions_due (lane_id=? AND next"],
	],
	["due deliveries", /^UPDATE "deliveries" SET claim_id = \?/, ["deliveries_due (lane_id=? AND next_attempt_at<?)", "deliveries_claimed"]],
	[
		"due submissions",
		/^UPDATE "submissions" SET claim_id = \?/,
		["submissions_due (lane_id=? AND next_attempt_at<?)", "submissions_claimed"],
	],
	["claimed deliveries", /^select "deliveries".+ as "claim"/, ["deliveries_claimed (lane_id=? AND claim_id=?)"]],
	["claimed submissions", /^select "submissions".+ as "claim"/, ["submissions_claimed (lane_id=? AND claim_id=?)"]],
	["expired claims of deliveries", outbound.expiredClaims, ["deliveries_claimed"]],
	["expired claims of submissions", work.expiredClaims, ["submissions_claimed"]],
	["what a token names", finish.knownBySubmission, ["submissions_1 (id=?)", "submissions_provider_job (provider=? AND account_id=? AND"]],
	["what a provider's id names", finish.knownByProviderJob, ["submissions_provider_job (provider=? AND account_id=? AND"]],
	["a receipt", finish.receiptExists, ["receipts_delivery (provider=? AND account_id=? AND delivery_id=?)"]],
	["orphans to be joined", work.joinableOrphans, ["receipts_orphans (received_at>?)", "submissions_provider_job"]],
	["orphans of a submission", work.orphansOf, ["receipts_orphan_of (provider=? AND account_id=? AND provider_job_id=?)"]],
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
];

describe("statements", () => {
	let db: ReturnType<typeof freshSqlite>;
	/** All that the modules export and all that a job's way, its timeline and a key's look-up ran. */
	const texts = new Map<string, string>();
	const planOf = (text: string) => {
		const slots = Array<null>(text.split("?").length - 1).fill(null);
		return (db.raw.prepare(`EXPLAIN QUERY PLAN ${text}`).all(slots) as { detail: string }[]).map(({ detail }) => detail);
	};
	const all = () => [...texts].map(([text, name]) => ({ text, name, plan: planOf(text) }));

	beforeAll(async () => {
		db = freshSqlite();
		for (const module of [finish, read, submit, work, outbound, pause])
			for (const [name, value] of Object.entries(module)) if (isStmt(value)) texts.set(value.sql, name);
		const note = ({ sql }: { sql: string }) => void (texts.has(sql) || texts.set(sql, sql.slice(0, 80)));
		const recording: Db = {
			...db,
			read: (query) => {
				note(query.stmt);
				return db.read(query);
			},
			batch: (batch) => {
				for (const { stmt } of batch) note(stmt);
				return db.batch(batch);
			},
		};
		const world = await openWorld(recording);
		const { id } = await world.endpoint();
		const job = await submitted(world);
		await world.pass(5000);
		await world.timeline(job);
		await readEndpoint(world.deps, world.appId, id);
		await callerOf(world.deps, (await createKey(world.deps, world.appId, { name: "one", scopes: ["admin"] })).key);
		world.sandbox.close();
	});
	afterAll(() => db.close());

	it.each(HOT)("find %s by index", (_, what, indexes) => {
		const found = [...texts.keys()].filter((text) => (what instanceof RegExp ? what.test(text) : what.sql === text));
		expect(found).toHaveLength(1);
		const plan = planOf(found[0]!).join("\n");
		for (const index of indexes) expect(plan).toContain(index);
	});

	it("pass over no table, and make no index of their own", () => {
		const slow = all().flatMap(({ name, plan }) =>
			plan
				.filter((step) => step.includes("AUTOMATIC") || (step.startsWith("SCAN") && !NO_TABLE.test(step)))
				.filter((step) => !MAY_SCAN[name]?.test(step))
				.map((step) => `${name}: ${step}`),
		);
		expect(slow).toEqual([]);
	});

	it("suit D1: at most 100 values, and no two columns of one name", () => {
		for (const { text, name } of all()) {
			const statement = db.raw.prepare(text);
			const columns = statement.reader ? statement.columns().map((column) => column.name) : [];
			expect(new Set(columns).size, name).toBe(columns.length);
			expect(text.split("?").length - 1, name).toBeLessThanOrEqual(100);
		}
	});

	it("that pass over a clash have one key besides the id that could clash", () => {
		const tables = [...texts.keys()].flatMap((text) => (/ON CONFLICT DO NOTHING/i.test(text) ? [/INTO "(\w+)"/i.exec(text)![1]!] : []));
		expect(new Set(tables).size).toBeGreaterThan(4);
		for (const table of tables) {
			const keys = db.raw.pragma(`index_list(${table})`) as { name: string; unique: number }[];
			const columns = (key: string) => (db.raw.pragma(`index_info(${key})`) as { name: string }[]).map(({ name }) => name).join();
			const unique = keys.filter((key) => key.unique === 1).map((key) => columns(key.name));
			expect(unique.filter((key) => key !== "id").length, table).toBeLessThanOrEqual(1);
		}
	});

	it("claim what is due behind 20,000 due rows of a paused lane", async () => {
		const deps = ports(db, 1_900_000_000_000);
		const now = deps.clock.now();
		await deps.add([...parents(), laneRow("a paused", 10, { notBefore: now + 60_000 }), laneRow("b open", 10)]);
		await deps.add([KINDS.deliveries.row("first", "a paused", 0), KINDS.deliveries.row("due", "b open", now)]);
		const columns = db.raw.prepare("SELECT name FROM pragma_table_info('deliveries')").pluck().all() as string[];
		const copied = columns.map((column) => (column === "id" || column === "target" ? `${column} || n` : column));
		db.raw.exec(`WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT 20000)
			INSERT INTO deliveries SELECT ${copied.join()} FROM deliveries, numbers WHERE id = 'first'`);
		const { rows, nextDueAt } = await KINDS.deliveries.claimer().round(deps, 100);
		expect(rows).toMatchObject([{ id: "due" }]);
		expect(nextDueAt).toBe(now + 60_000);
	});
});
