import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../src/db/db.ts";
import { appsKnown, inputsNamed, resultsNamed } from "../../src/retention/blobs.ts";
import { Retention } from "../../src/retention.ts";
import { freshSqlite } from "../support/sqlite.ts";
import { answer, openWorld, submitted, type World } from "../support/world.ts";

const DAY = 86_400_000;
const TABLES = ["jobs", "submissions", "receipts", "events", "results", "deliveries", "attempts", "idempotency_keys", "cache"] as const;

describe("retention", () => {
	let db: ReturnType<typeof freshSqlite>;
	let world: World;
	beforeEach(async () => {
		db = freshSqlite();
		db.raw.pragma("synchronous = OFF");
		world = await openWorld(db);
	});
	afterEach(() => world.close());

	/** But for where retention itself stands. */
	const counts = () => {
		const count = (table: string) => db.raw.prepare(`SELECT count(*) FROM ${table}${table === "cache" ? " WHERE key <> 'retention'" : ""}`);
		return Object.fromEntries(TABLES.map((table) => [table, count(table).pluck().get()]));
	};
	const isMemory = (work: readonly { params: unknown[] }[]) => work.some(({ params }) => params.includes("retention"));
	const bodies = () => db.raw.prepare("SELECT count(*) FROM events WHERE body <> ''").pluck().get();
	/** Stretches until a whole lap is done; returns how many it took. */
	async function sweep(deps = world.deps): Promise<number> {
		const retention = new Retention(deps);
		for (let n = 1; ; n++) if (await retention.stretch()) return n;
	}
	async function finished(over: Record<string, unknown> = {}): Promise<string> {
		const job = await submitted(world, over);
		await world.pass(10_000);
		expect(await world.job(job)).toMatchObject({ state: "completed" });
		return job;
	}

	it("leaves everything of a job for seven days, then its events' bodies and receipts go, and after thirty the whole job", async () => {
		const job = await finished();
		await world.submit({}, { "idempotency-key": "one" });
		await world.pass(10_000);
		const before = counts();
		world.jump(7 * DAY - 21_000);
		await sweep();
		expect([counts(), bodies()]).toEqual([before, before["events"]]);

		world.jump(41_000);
		await sweep();
		expect([counts(), bodies()]).toEqual([{ ...before, receipts: 0, idempotency_keys: 0, cache: 0 }, 0]);
		expect((await world.timeline(job)).map(({ kind }) => kind)).toEqual(expect.arrayContaining(["event", "delivery", "attempt"]));

		world.jump(23 * DAY - 60_000);
		await sweep();
		expect(counts()).toMatchObject({ jobs: 2, deliveries: before["deliveries"] });
		world.jump(60_000);
		await sweep();
		expect(counts()).toEqual(Object.fromEntries(TABLES.map((table) => [table, 0])));
		expect((await world.request(`/v1/jobs/${job}`)).status).toBe(404);
	});

	it("never touches a job that still runs, whatever its age", async () => {
		await world.knobs({ jobs: { processingMs: 1e12 } });
		const job = await submitted(world);
		await world.pass(60_000);
		const before = counts();
		expect(await world.job(job)).toMatchObject({ state: "processing" });
		world.jump(400 * DAY);
		await sweep();
		expect([counts(), bodies()]).toEqual([{ ...before, cache: 0 }, before["events"]]);
	});

	it("stops what was held for 30 days, counted from when it was held; it can be recovered while its body is kept", async () => {
		const { id } = await world.endpoint({ event_types: ["job.completed"], url: "https://bad.example.com/hooks" });
		world.onCallback(({ url }) => answer(url.includes("bad.") ? 500 : 200));
		const turn = (verb: string) => world.request(`/v1/endpoints/${id}/${verb}`, { method: "POST" });
		await finished({ webhook_url: undefined });
		const fails = await finished({ webhook_url: undefined });
		world.jump(2 * DAY);
		await turn("disable");
		const comes = await finished({ webhook_url: undefined });
		const states = () => db.raw.prepare("SELECT state, reason, ended_at FROM deliveries ORDER BY id").all();
		const held = { state: "held", reason: "endpoint_disabled", ended_at: null };
		expect(states()).toEqual([held, held, held]);
		world.jump(30 * DAY - 11_000);
		await sweep();
		expect(states()).toEqual([held, held, held]);
		world.jump(1000);
		await sweep();
		const stopped = { state: "stopped", reason: "held_too_long", ended_at: world.now() };
		expect(states()).toEqual([stopped, stopped, held]);
		const lines = world.lines.filter(({ what }) => what === "deliveries.stopped");
		expect(lines.map(({ fields }) => fields)).toEqual([{ reason: "held_too_long", count: 2 }]);
		const swept = world.lines.filter(({ what }) => what === "retention.swept").map(({ fields }) => fields["removed"]);
		for (const removed of swept) expect(removed).not.toHaveProperty("held");
		world.jump(6 * DAY);
		await sweep();
		expect(states()).toEqual([stopped, stopped, { ...stopped, ended_at: world.now() }]);
		await turn("enable");
		world.onCallback(() => answer(200));
		const body = JSON.stringify({ since: new Date(world.now() - 90 * DAY).toISOString() });
		const recovery = await world.request(`/v1/endpoints/${id}/recover`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body,
		});
		expect(await recovery.json()).toMatchObject({ total: 3, recovered: 3 });
		await world.run();
		expect(states()).toMatchObject([{ state: "delivered" }, { state: "delivered" }, { state: "delivered" }]);
		for (const job of [fails, comes]) expect((await world.job(job)).state).toBe("completed");
		world.jump(7 * DAY + 1);
		await sweep();
		expect(counts()).toMatchObject({ jobs: 0, deliveries: 0 });
	});

	it.each([
		["is held for a disabled endpoint", 410],
		["waits for its next attempt", 500],
	])("keeps a job and its bodies while one delivery %s, and goes on behind it", async (_, status) => {
		await world.close();
		db = freshSqlite();
		world = await openWorld(db, { env: { RETAIN_HELD_D: "3650" } });
		await world.endpoint({ url: "https://bad.example.com/hooks" });
		world.onCallback(({ url }) => answer(url.includes("bad.") ? status : 200));
		if (status === 410) await finished();
		const stays = await finished();
		world.onCallback(() => answer(200));
		db.raw.exec("DELETE FROM endpoint_event_types");
		const goes = await finished();
		world.jump(400 * DAY);
		await sweep();
		const left = db.raw.prepare("SELECT id FROM jobs").pluck().all();
		expect(left).toContain(stays);
		expect(left).not.toContain(goes);
		const waiting =
			"SELECT count(*) FROM events e JOIN deliveries d ON d.event_id = e.id WHERE d.state IN ('pending', 'held') AND e.body = ''";
		expect(db.raw.prepare(waiting).pluck().get()).toBe(0);
		expect(db.raw.prepare("SELECT count(*) FROM events WHERE body <> ''").pluck().get()).toBeGreaterThan(0);
	});

	it("counts a body's days from the end of its last delivery, not from the event", async () => {
		world.onCallback(() => answer(500));
		await finished();
		await world.pass(4 * DAY);
		expect(db.raw.prepare("SELECT DISTINCT state FROM deliveries WHERE event_type = 'job.completed'").pluck().all()).toEqual(["exhausted"]);
		world.jump(4 * DAY);
		await sweep();
		expect(db.raw.prepare("SELECT count(*) FROM events WHERE type = 'job.completed' AND body <> ''").pluck().get()).toBe(1);
		world.jump(3 * DAY);
		await sweep();
		expect(db.raw.prepare("SELECT count(*) FROM events WHERE type LIKE 'job.%' AND body <> ''").pluck().get()).toBe(0);
	});

	it("drops orphans, and what was cached and not read again, after seven days", async () => {
		db.raw.exec(`INSERT INTO cache VALUES ('models:x', '[]', ${world.now()})`);
		db.raw.exec(
			`INSERT INTO receipts (id, provider, account_id, delivery_id, source, outcome, type, body, received_at)
			VALUES ('rcp_1', 'deapi', 'deapi:default', 'd1', 'hook', 'orphan', 'job.completed', '{}', ${world.now()})`,
		);
		world.jump(7 * DAY - 1);
		await sweep();
		expect(counts()).toMatchObject({ receipts: 1, cache: 1 });
		world.jump(1);
		await sweep();
		expect(counts()).toMatchObject({ receipts: 0, cache: 0 });
	});

	it("goes on where another process, or its own earlier life, stopped half-way", async () => {
		for (let i = 0; i < 3; i++) await submitted(world);
		await world.pass(20_000);
		world.jump(31 * DAY);
		let left = 5;
		const dying: Db = { ...db, batch: (work) => (left-- > 0 ? db.batch(work) : Promise.reject(new Error("killed"))) };
		for (let lives = 0; counts()["jobs"] !== 0; lives++) {
			expect(lives).toBeLessThan(20);
			left = lives + 1;
			await new Retention({ ...world.deps, db: dying }).stretch();
		}
		await sweep();
		expect(counts()).toEqual(Object.fromEntries(TABLES.map((table) => [table, 0])));
	});

	it("that breaks in one kind of row goes on with the others, and says so", async () => {
		await finished();
		world.jump(31 * DAY);
		const broken: Db = {
			...db,
			batch: (work) => (work.some(({ stmt }) => /UPDATE "events"/.test(stmt.sql)) ? Promise.reject(new Error("bad row")) : db.batch(work)),
		};
		await new Retention({ ...world.deps, db: broken }).stretch();
		expect(counts()).toMatchObject({ jobs: 0, receipts: 0 });
		expect(world.lines.at(-2)).toMatchObject({ level: "error", what: "sweep.failed", fields: { part: "retention of bodies" } });
	});

	describe("of a year's jobs", () => {
		/** Copies one finished job, with all its rows, under other ids. */
		async function many(times: number): Promise<void> {
			await finished();
			const refs = ["id", "job_id", "event_id", "delivery_id", "submission_id", "provider_job_id"];
			for (const table of ["jobs", "submissions", "receipts", "events", "results", "deliveries", "attempts"]) {
				const columns = db.raw.prepare(`SELECT name FROM pragma_table_info('${table}')`).pluck().all() as string[];
				const copied = columns.map((column) => (refs.includes(column) ? `${column} || '_' || i` : column));
				db.raw.exec(`WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers LIMIT ${times})
					INSERT INTO ${table} SELECT ${copied.join()} FROM ${table}, numbers`);
			}
		}
		/** The first half of them, for an endpoint that was just disabled. */
		const hold = () =>
			db.raw.exec(`UPDATE deliveries SET state = 'held', ended_at = NULL, armed_at = ${world.now() + 31 * DAY}
				WHERE rowid <= (SELECT count(*) FROM deliveries) / 2`);
		const spying = () => {
			const removed: number[] = [];
			const spy: Db = {
				...db,
				batch: async (work) => {
					const rows = await db.batch(work);
					for (const one of rows) removed.push((one as unknown[]).length);
					return rows;
				},
			};
			return { removed, deps: { ...world.deps, db: spy } };
		};

		it("no statement removes more than 250 rows, and no stretch does it all", async () => {
			await many(1500);
			world.jump(31 * DAY);
			const { removed, deps } = spying();
			expect(await sweep(deps)).toBeGreaterThan(2);
			expect(Math.max(...removed)).toBeLessThanOrEqual(250);
			expect(counts()).toEqual(Object.fromEntries(TABLES.map((table) => [table, 0])));
		});

		it("one job with thousands of rows goes in pieces, from the leaves, and the job itself last", async () => {
			const job = await finished();
			db.raw.exec(`WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers LIMIT 1800)
				INSERT INTO attempts SELECT a.id || i, a.app_id, a.delivery_id, a.n + i, outcome, reason, status, started_at, duration_ms, response, next_attempt_at
				FROM attempts a, numbers WHERE a.id = (SELECT max(id) FROM attempts)`);
			world.jump(31 * DAY);
			const { removed, deps } = spying();
			const seen: unknown[] = [];
			const retention = new Retention({
				...deps,
				db: {
					...deps.db,
					batch: async (work) => {
						const rows = await deps.db.batch(work);
						if (!isMemory(work)) seen.push([counts()["attempts"], counts()["jobs"]]);
						return rows;
					},
				},
			});
			while (!(await retention.stretch()));
			expect(seen.slice(-4)).toEqual([
				[expect.any(Number), 1],
				[expect.any(Number), 1],
				[expect.any(Number), 1],
				[0, 0],
			]);
			expect(Math.max(...removed)).toBe(250);
			expect((await world.request(`/v1/jobs/${job}`)).status).toBe(404);
		});

		it("a process that lives for one stretch goes on where the last one stopped, past all rows that must stay", async () => {
			await many(1200);
			hold();
			const held = db.raw.prepare("SELECT count(DISTINCT job_id) FROM deliveries WHERE state = 'held'").pluck().get();
			world.jump(31 * DAY);
			for (let lives = 0; lives < 12; lives++) await new Retention(world.deps).stretch();
			expect(counts()["jobs"]).toBe(held);
		});

		it("rows that must stay do not keep it from those behind them", async () => {
			await many(1200);
			hold();
			const held = db.raw.prepare("SELECT count(DISTINCT job_id) FROM deliveries WHERE state = 'held'").pluck().get();
			world.jump(31 * DAY);
			await sweep();
			expect(counts()["jobs"]).toBe(held);
			expect(bodies()).toBe(db.raw.prepare("SELECT count(DISTINCT event_id) FROM deliveries WHERE state = 'held'").pluck().get());
		});
	});

	it.each(Object.entries({ inputsNamed, resultsNamed, appsKnown }))("looks up %s by key, with fewer values than D1 takes", (_, { sql }) => {
		const values = Array<null>(sql.split("?").length - 1).fill(null);
		expect(values.length).toBeLessThanOrEqual(100);
		const plan = db.raw.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(values) as { detail: string }[];
		expect(plan.map(({ detail }) => detail).join()).toMatch(/^SEARCH \w+ USING (COVERING )?INDEX sqlite_autoindex_\w+_1 \(\w+=\?\)$/);
	});

	it("drops recoveries thirty days after they were asked for", async () => {
		const { id } = await world.endpoint();
		const recover = async () => {
			const body = JSON.stringify({ since: new Date(world.now() - DAY).toISOString() });
			const init = { method: "POST", headers: { "content-type": "application/json" }, body };
			return ((await (await world.request(`/v1/endpoints/${id}/recover`, init)).json()) as { id: string }).id;
		};
		await recover();
		world.jump(30 * DAY);
		const young = await recover();
		world.jump(1000);
		await sweep();
		expect(db.raw.prepare("SELECT id FROM recoveries").pluck().all()).toEqual([young]);
	});

	it("ends between two batches when the process is told to stop", async () => {
		for (let i = 0; i < 2; i++) await finished();
		world.jump(31 * DAY);
		let batches = 0;
		const counting: Db = {
			...db,
			batch: (work) => {
				if (!isMemory(work)) batches++;
				return db.batch(work);
			},
		};
		expect(await new Retention({ ...world.deps, db: counting }).stretch(() => batches > 0)).toBe(false);
		expect(batches).toBe(1);
		expect(counts()).toMatchObject({ jobs: 2 });
	});
});
