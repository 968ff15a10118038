import { getTableName } from "drizzle-orm";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { SqlValue } from "../../src/db/db.ts";
import * as schema from "../../src/db/schema.ts";
import { lockLane } from "../../src/lanes/sql.ts";
import { migratePostgres } from "../../src/node/migrate-postgres.ts";
import { openPostgres } from "../../src/node/postgres.ts";
import { openPostgresBlobs } from "../../src/node/postgres-blobs.ts";
import { ROOT } from "../../src/node/root.ts";
import { type AnyStmt, HOT, type Hot, type Named, oneOf, statements } from "../suite/plans.ts";
import { newDatabase } from "../support/postgres/database.ts";

const T = 1_900_000_000_000;
const JOBS = 20_000;
const EVERY_MS = 100_000;
/** Bodies and receipts older than the middle are gone. */
const MIDDLE = T - (JOBS / 2) * EVERY_MS;
const id = (n: string) => `lpad(${n}, 12, '0')`;
const one = (prefix: string, n: number) => prefix + String(n).padStart(12, "0");
/** Endpoints: two with 10,000 due rows each, and one with held ones. */
const [OPEN, DISABLED, HELD] = [one("ep", 500), one("ep", 399), one("ep", 100)];

/**
 * 20,000 jobs over 23 days, a tenth of them of one app, the last 2,000 under way; two events and deliveries each, and 20,000
 * deliveries more that are due in two lanes. Settings, keys and lanes are many, too: what is small is scanned in any case.
 */
const FILL = `
	INSERT INTO accounts (id, provider, name, created_at) SELECT 'deapi:' || n, CASE WHEN n < 50 THEN 'deapi' ELSE 'p' || n END, n, 1 FROM generate_series(1, 2000) n;
	INSERT INTO apps SELECT 'app' || n, 'app' || n, 'sealed', 1 FROM generate_series(0, 2000) n;
	INSERT INTO keys SELECT 'key' || n, 'app' || n, 'one', 'admin', NULL, 'hash' || n, 1, NULL FROM generate_series(1, 2000) n;
	INSERT INTO cache SELECT 'key' || n, '{}', ${T} - n * 1000 FROM generate_series(1, 2000) n;
	INSERT INTO blob_chunks SELECT 'key' || b, n, 'bytes' FROM generate_series(1, 5000) b, generate_series(0, 3) n;
	INSERT INTO lanes (id, kind, account_id) SELECT 'lane' || n, 'poll', 'deapi:' || n % 50 FROM generate_series(1, 2000) n;
	INSERT INTO lanes (id, kind, app_id) SELECT 'ep' || ${id("n::text")}, 'endpoint', 'app0' FROM generate_series(1, 2000) n;
	INSERT INTO endpoints SELECT 'ep' || ${id("n::text")}, CASE WHEN n % 20 = 0 THEN 'app0' ELSE 'app' || n END, n,
		'https://' || n || '.example.com', NULL, 'sealed', CASE WHEN n % 10 = 9 THEN 'disabled' ELSE 'enabled' END, NULL,
		CASE WHEN n % 500 = 9 THEN ${T} END, 1, 1 FROM generate_series(1, 2000) n;
	INSERT INTO endpoint_event_types SELECT app_id, 'job.' || type, id FROM endpoints, unnest(ARRAY['processing', 'completed', 'failed']) type;
	INSERT INTO idempotency_keys SELECT 'app' || n % 50, 'route', 'key' || n, 'print', 'job' || ${id("n::text")}, ${T} + (n - 500) * 1000
		FROM generate_series(1, ${JOBS}) n;
	INSERT INTO jobs (id, app_id, provider, type, model, state, submission_id, revision, event_id, input, created_at, ended_at)
		SELECT 'job' || ${id("n::text")}, CASE n % 10 WHEN 0 THEN 'app0' ELSE 'app' || n % 200 END, 'deapi', 'txt2' || n % 5, 'm',
			CASE WHEN n > ${JOBS - 2000} THEN 'processing' WHEN n % 20 = 7 THEN 'failed' ELSE 'completed' END,
			'sub' || ${id("n::text")}, 2, 'evt' || ${id("(2 * n + 1)::text")}, repeat('input ', 50), at,
			CASE WHEN n <= ${JOBS - 2000} THEN at + 5000 END
		FROM generate_series(1, ${JOBS}) n, LATERAL (SELECT ${T} - (${JOBS} - n) * ${EVERY_MS}::bigint AS at) x;
	INSERT INTO submissions (id, app_id, job_id, provider, account_id, n, state, phase, lane_id, next_attempt_at, claim_id, claimed_at, provider_job_id, created_at, ended_at)
		SELECT submission_id, app_id, id, 'deapi', 'deapi:' || n % 50, 1, 'accepted', 'poll', 'lane' || n % 300,
			CASE WHEN ended_at IS NULL THEN ${T} - 1000000 + n * 1000 % 2000000 END, CASE WHEN ended_at IS NULL AND n % 7 = 0 THEN 'claim' END,
			CASE WHEN ended_at IS NULL AND n % 7 = 0 THEN ${T} END, 'p' || n, created_at, ended_at
		FROM jobs, LATERAL (SELECT substr(id, 4)::int AS n) x;
	INSERT INTO results (job_id, app_id, provider_url, read_at) SELECT id, app_id, 'https://provider.example.com', ended_at FROM jobs WHERE ended_at IS NOT NULL;
	INSERT INTO files SELECT 'file' || substr(id, 4), app_id, 'a', 'video/mp4', 1, 'sha', 'files/' || id, created_at, created_at + 86400000 FROM jobs;
	INSERT INTO job_files SELECT id, 'data', app_id, 'file' || substr(id, 4), 'a', 'video/mp4', 1, 'sha', 'files/' || id FROM jobs;
	INSERT INTO receipts SELECT 'rcp' || substr(id, 4), 'deapi', s.account_id, 'd' || s.id, 'hook', CASE WHEN substr(id, 4)::int % 400 = 0 THEN 'orphan' ELSE 'applied' END,
		s.app_id, s.job_id, id, s.provider_job_id, 'job.completed', repeat('body ', 50), s.created_at FROM submissions s;
	INSERT INTO events SELECT 'evt' || ${id("(2 * substr(id, 4)::int + r)::text")}, app_id, id, CASE r WHEN 0 THEN 'job.processing' ELSE 'job.completed' END, r + 1,
		CASE WHEN created_at < ${MIDDLE} THEN '' ELSE repeat('body ', 50) END, created_at FROM jobs, generate_series(0, 1) r;
	INSERT INTO deliveries (id, app_id, job_id, event_id, event_type, target, state, lane_id, next_attempt_at, claim_id, claimed_at, attempts, armed_at, created_at, ended_at)
		SELECT 'dlv' || substr(e.id, 4), e.app_id, job_id, e.id, type, CASE n % 3 WHEN 0 THEN 'job' ELSE 'ep' || ${id("(n % 400)::text")} END, state,
			CASE n % 3 WHEN 0 THEN 'lane' || n % 300 ELSE 'ep' || ${id("(n % 400)::text")} END, CASE state WHEN 'pending' THEN ${T} - 500000 + n * 1000 % 1000000 END,
			CASE WHEN state = 'pending' AND n % 10 = 0 THEN 'claim' END, CASE WHEN state = 'pending' AND n % 10 = 0 THEN ${T} END, 1, created_at, created_at,
			CASE WHEN state NOT IN ('pending', 'held') THEN created_at + 5000 END
		FROM events e, LATERAL (SELECT substr(id, 4)::int AS n) x, LATERAL (SELECT CASE WHEN n > ${2 * JOBS - 2000} THEN 'pending'
			WHEN n > ${2 * JOBS - 3000} THEN 'held' WHEN n % 40 = 5 THEN 'exhausted' ELSE 'delivered' END AS state) y;
	INSERT INTO deliveries (id, app_id, job_id, event_id, event_type, target, state, lane_id, next_attempt_at, claim_id, claimed_at, armed_at, created_at)
		SELECT 'dlv' || ${id(`(100000 + 2 * n + (ep = '${OPEN}')::int)::text`)}, 'app0', 'job' || ${id(`'${JOBS - 10}'`)}, 'evt' || 100000 + n, 'job.completed', ep, 'pending', ep,
			${T} - n, CASE WHEN n <= 5 THEN 'claim' END, CASE WHEN n <= 5 THEN ${T} END, 1, ${T}
		FROM generate_series(1, 10000) n, unnest(ARRAY['${OPEN}', '${DISABLED}']) ep;
	INSERT INTO recoveries SELECT 'rec' || ${id("n::text")}, 'app0', 'ep' || ${id("n::text")}, CASE WHEN n % 100 = 0 THEN 'running' ELSE 'finished' END,
		'dlv', 'dlv~', 'dlv', 1, 1, CASE WHEN n % 100 = 0 THEN ${T} - n END, ${T}, NULL FROM generate_series(1, 2000) n;
	INSERT INTO attempts (id, app_id, delivery_id, n, outcome, reason, started_at, response)
		SELECT 'att' || substr(id, 4), app_id, id, 1, 'delivered', 'acknowledged', created_at, repeat('answer ', 10) FROM deliveries WHERE attempts = 1;
	UPDATE jobs SET event_id = 'evt' || ${id("'900000'")} WHERE id = 'job' || ${id(`'${JOBS / 2 + 100}'`)};
	INSERT INTO events SELECT event_id, app_id, id, 'job.completed', 3, '{}', ${T} FROM jobs WHERE event_id = 'evt' || ${id("'900000'")};
	DELETE FROM results WHERE job_id = (SELECT job_id FROM events WHERE revision = 3);`;

/** What statements are asked for, by the names they bind; a name that is not here is bound to a text or time that is nobody's. */
const [JOB, SUB, EVT, LAST] = [one("job", JOBS / 2 + 100), one("sub", JOBS / 2 + 100), one("evt", 900_000), one("dlv", 2 * JOBS - 100)];
const TEXTS: Record<string, string> = {
	...{ app: "app0", appId: "app0", keyApp: "app0", job: JOB, jobId: JOB, submission: SUB, replaced: SUB, event: EVT, eventId: EVT },
	...{ delivery: LAST, deliveryId: LAST, receipt: one("rcp", 400), endpoint: OPEN, target: OPEN, claim: "claim" },
	...{
		provider: "deapi",
		account: "deapi:0",
		accountId: "deapi:0",
		told: "p10100",
		providerJob: "p400",
		kind: "poll",
		route: "route",
		keyRoute: "route",
	},
	...{ key: "key50", hash: "hash50", type: "txt20", state: "completed", status: "exhausted", url: "https://500.example.com" },
	...{ after: "", before: "~", from: "", oldest: one("ep", 20), newest: one("ep", 200), afterId: "", toId: "~", end: "~", base64: "AAAA" },
};
const NUMBERS: Record<string, number> = {
	...{
		limit: 100,
		most: 500,
		room: 10,
		perLane: 10,
		slots: 10,
		rows: 51,
		look: 500,
		skip: 999,
		last: 249,
		n: 1,
		ownSecret: 0,
		since: T - 60_000,
	},
	...{ afterAt: MIDDLE, toAt: MIDDLE + 125 * EVERY_MS, before: T - 7 * 86_400_000, lease: T + 45_000 },
};
function sampleOf(name: string, type: string, text: string): string | number {
	if (name === "after" && text.includes("of_exhausted")) return one("dlv", 100_000);
	if (name === "to") return one("dlv", 100_000 + WINDOW);
	if (name === "recovery") return one("rec", 500);
	if (name === "lane") return text.includes('"deliveries"') ? OPEN : "lane7";
	if (name === "endpoint" && text.includes("'endpoint_disabled'")) return DISABLED;
	if (name === "endpoint" && text.includes("state = 'held'")) return HELD;
	return type === "text" ? (TEXTS[name] ?? "nobody's") : (NUMBERS[name] ?? (type === "bigint" ? T : 1));
}

/** Ids that a step of a recovery looks at. */
const WINDOW = 500;

interface Node {
	"Node Type": string;
	"Relation Name"?: string;
	"Index Name"?: string;
	"Actual Rows"?: number;
	"Actual Loops"?: number;
	"Rows Removed by Filter"?: number;
	"Rows Removed by Index Recheck"?: number;
	Plans?: Node[];
}
interface Plan {
	indexes: Set<string>;
	scans: string[];
	/** Rows that were looked at in tables and indexes. */
	rows: number;
	ms: number;
}

/** Passed over on purpose, for they are small beside what is done with them: settings, and lanes in a look once a second. */
const MAY_SCAN = [
	"pauseAccount: lanes",
	"submissions that wait for us: lanes",
	"what is cached to be removed: cache",
	"countersAll: counters",
	"removeRecoveries: recoveries",
];
/** A step of retention reads so many; and what must read more: all lanes. */
const MOST_ROWS = 1500;
const MORE_ROWS: Record<string, number> = { pauseAccount: 4000, removeRecoveries: 2500, "submissions that wait for us": 5000 };
const MODES = ["force_custom_plan", "force_generic_plan"] as const;
const ITS_OWN: Hot[] = [
	["a lane to be locked", lockLane, ["lanes_1 (id=?)"]],
	["a blob", /^SELECT encode.+blob_chunks/, ["blob_chunks_1 (key=?)"]],
	["the blobs behind one", /^SELECT key FROM blob_chunks/, ["blob_chunks_1 (key>?)"]],
	["a blob to be removed", /^DELETE FROM blob_chunks/, ["blob_chunks_1 (key=?)"]],
];

describe.skipIf(inject("postgresUrl") === null)("statements", () => {
	let sql: postgres.Sql;
	let found: Map<string, Named>;
	const plans = new Map<string, Record<(typeof MODES)[number], Plan>>();

	async function planOf(on: postgres.ReservedSql, stmt: AnyStmt, mode: string): Promise<Plan> {
		let n = 0;
		await on.unsafe(`PREPARE hot AS ${stmt.sql.replace(/\?/g, () => `$${++n}`)}`);
		const [{ types = [] } = {}] = await on.unsafe<{ types?: string[] }[]>(
			"SELECT to_json(parameter_types::text[]) AS types FROM pg_prepared_statements WHERE name = 'hot'",
		);
		const { params } = stmt.bind(new Proxy({} as never, { get: (_, name) => `:${String(name)}` }));
		const literal = (value: SqlValue, i: number) => {
			const own = typeof value === "string" && value.startsWith(":") ? sampleOf(value.slice(1), types[i]!, stmt.sql) : value;
			return own === null ? "NULL" : `'${String(own).replaceAll("'", "''")}'`;
		};
		const call = params.length === 0 ? "hot" : `hot(${params.map(literal).join()})`;
		const lane = sampleOf("lane", "text", stmt.sql);
		const explain = (how: string) =>
			on.unsafe(
				`BEGIN; SET LOCAL plan_cache_mode = ${mode}; SET LOCAL jobhook.lane = '${lane}'; EXPLAIN (${how} FORMAT JSON) EXECUTE ${call}`,
			);
		try {
			// an insert that clashes with what is there has a plan all the same
			const answers = await explain("ANALYZE, TIMING OFF,").catch(async (e: postgres.PostgresError) => {
				if (e.code !== "23505") throw e;
				await on.unsafe("ROLLBACK");
				return explain("");
			});
			const [told] = Object.values(answers.at(-1)![0])[0] as [{ Plan: Node; "Execution Time"?: number }];
			const plan: Plan = { indexes: new Set(), scans: [], rows: 0, ms: told["Execution Time"] ?? 0 };
			note(told.Plan, plan);
			return plan;
		} catch (e) {
			throw new Error(`${stmt.sql} ${call}`, { cause: e });
		} finally {
			await on.unsafe("ROLLBACK; DEALLOCATE hot");
		}
	}

	function note(node: Node, plan: Plan): void {
		if (node["Index Name"]) plan.indexes.add(node["Index Name"]);
		if (node["Node Type"].endsWith("Seq Scan")) plan.scans.push(String(node["Relation Name"]));
		if (node["Relation Name"] && !node["Node Type"].startsWith("ModifyTable"))
			plan.rows +=
				((node["Actual Rows"] ?? 0) + (node["Rows Removed by Filter"] ?? 0) + (node["Rows Removed by Index Recheck"] ?? 0)) *
				(node["Actual Loops"] ?? 0);
		for (const child of node.Plans ?? []) note(child, plan);
	}

	const hot = [...HOT, ...ITS_OWN].filter(([, , , own]) => own !== null);
	const all = () => [...found.values()].flatMap(({ name, stmt }) => MODES.map((mode) => ({ name, plan: plans.get(stmt.sql)![mode] })));
	/** Of the table in migrations/README.md: `PLANS=1` prints it. */
	function lineOf(name: string, what: Hot[1]): string {
		const [custom, generic] = MODES.map((mode) => plans.get(oneOf(found, what).stmt.sql)![mode]) as [Plan, Plan];
		const rows = Math.round(Math.max(custom.rows, generic.rows)).toLocaleString("en");
		return `| ${name} | ${[...custom.indexes].join(", ")} | ${rows} | ${Math.max(custom.ms, generic.ms).toFixed(2)} |`;
	}

	beforeAll(async () => {
		const url = await newDatabase();
		sql = postgres(url, { max: 1, onnotice: () => {} });
		await migratePostgres(sql, `${ROOT}/migrations/postgres`);
		const db = openPostgres(url, { pool: 4, prepare: true });
		found = await statements(db, async ({ deps }) => {
			const blobs = openPostgresBlobs(deps.db);
			await blobs.put("inputs/one", new Uint8Array(1));
			await blobs.get(...((await blobs.list("inputs", "", 1)) as [string]));
			await blobs.delete(["inputs/one"]);
		});
		found.set(lockLane.sql, { name: "lockLane", stmt: lockLane });
		await sql.unsafe(`TRUNCATE ${Object.values(schema).map(getTableName).join()}; ${FILL}`);
		await sql.unsafe("VACUUM ANALYZE");
		// plans depend on a connection's settings
		const settings = await db.raw<{ name: string; setting: string }[]>`SELECT name, setting FROM pg_settings WHERE source = 'client'`;
		await db.close();
		const on = await sql.reserve();
		for (const { name, setting } of settings) await on`SELECT set_config(${name}, ${setting}, false)`;
		for (const [text, { stmt }] of found) {
			const [custom, generic] = [await planOf(on, stmt, MODES[0]), await planOf(on, stmt, MODES[1])];
			plans.set(text, { force_custom_plan: custom, force_generic_plan: generic });
		}
		on.release();
		if (process.env["PLANS"]) console.log(hot.map(([name, what]) => lineOf(name, what)).join("\n"));
	}, 60_000);
	afterAll(() => sql?.end({ timeout: 1 }));

	it.each(hot)("find %s by index, whatever they are asked for", (_, what, indexes, own) => {
		for (const mode of MODES) {
			const used = plans.get(oneOf(found, what).stmt.sql)![mode].indexes;
			for (const index of own ?? indexes.map((part) => part.replace(/ .*/, "").replace(/_1$/, "_pkey")))
				expect([...used].join(), mode).toMatch(new RegExp(`\\b${index}\\b`));
		}
	});

	it("pass over no table", () => {
		const scans = all().flatMap(({ name, plan }) => plan.scans.map((table) => `${name}: ${table}`));
		expect(scans.filter((scan) => !MAY_SCAN.includes(scan))).toEqual([]);
	});

	it("read few rows of 60,000", () => {
		const long = all().filter(({ name, plan }) => plan.rows > (MORE_ROWS[name] ?? MOST_ROWS));
		expect(long.map(({ name, plan }) => `${name}: ${plan.rows}`)).toEqual([]);
	});
});
