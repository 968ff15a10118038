import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { lockLane } from "../../src/lanes/sql.ts";
import { newDatabase } from "../support/postgres/database.ts";
import { add, endOf, ids, openThings, put, say, until } from "../support/postgres/things.ts";

let url: string;
let things: Awaited<ReturnType<typeof openThings>>;
beforeAll(async () => {
	url = await newDatabase();
	things = await openThings(url);
});
afterAll(() => things.close());
beforeEach(() => things.plain`DELETE FROM things`);

/** Until so many sessions wait for a lock. */
const blocked = (sessions: number, sql = things.plain) =>
	until(async () => {
		const [row] =
			await sql`SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
		return row?.["n"] === sessions;
	});

describe("values on PostgreSQL", () => {
	it.each([true, false])("come back as they were given, numbers as numbers (plans kept: %s)", async (prepare) => {
		const { db, close } = await openThings(url, { prepare });
		const text = `ä€😀 'quoted' "too" \\ $1 ? \n${"x".repeat(5000)}`;
		await db.batch([put(text, Number.MAX_SAFE_INTEGER), put("negative", -5), put("none", null)]);
		expect(await db.read(say("SELECT id, n FROM things ORDER BY n"))).toEqual([
			["negative", -5],
			[text, Number.MAX_SAFE_INTEGER],
			["none", null],
		]);
		expect(await db.read(say("SELECT count(*), sum(n), '?' AS \"why?\", ? AS said FROM things WHERE n < ?", "ok", 0))).toEqual([
			[1, -5, "?", "ok"],
		]);
		await close();
	});

	it("keep what PostgreSQL cannot hold as the sign for it: U+0000 and half a surrogate pair", async () => {
		await things.db.batch([put("a\u0000b"), put("\ud800c")]);
		expect(await ids(things.db)).toEqual(["a\ufffdb", "\ufffdc"].toSorted());
		expect(await things.db.read(say("SELECT n FROM things WHERE id = ?", "a\u0000b"))).toEqual([[1]]);
	});
});

describe("batches on PostgreSQL that meet", () => {
	it("in a deadlock both end, each of them once", async () => {
		const { db } = things;
		await db.batch([put("a"), put("b")]);
		const slowly = say("SELECT pg_sleep(0.2)::text");
		await Promise.all([db.batch([add("a"), slowly, add("b")]), db.batch([add("b"), slowly, add("a")])]);
		expect(await db.read(say("SELECT id, n FROM things ORDER BY id"))).toEqual([
			["a", 3],
			["b", 3],
		]);
		const seen = say("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
		await until(async () => ((await db.read(seen))[0]?.[0] as number) > 0);
	});

	it("in a serialization failure are run again, and a batch sees in each statement what others have committed by then", async () => {
		const strict = await newDatabase();
		await things.plain.unsafe(`ALTER DATABASE ${new URL(strict).pathname.slice(1)} SET default_transaction_isolation = 'serializable'`);
		const { db, plain, close } = await openThings(strict);
		await db.batch([put("a")]);
		let lost: Promise<unknown> | undefined;
		await plain.begin(async (tx) => {
			await tx`UPDATE things SET n = 10`;
			lost = db.batch([add("a")]); // alone it has the database's level, and fails as soon as the other commits
			await blocked(1, plain);
		});
		expect(await lost).toEqual([[[11]]]);
		const level = say("SELECT current_setting('transaction_isolation')");
		expect(await db.batch([level, level])).toEqual([[["read committed"]], [["read committed"]]]);
		await close();
	});

	it("try five times and are unavailable then", async () => {
		const { db, plain } = things;
		await plain.unsafe(`CREATE OR REPLACE FUNCTION lose() RETURNS int LANGUAGE plpgsql AS
			$$BEGIN PERFORM nextval('tries'); RAISE 'lost' USING ERRCODE = '40001'; END$$; CREATE SEQUENCE IF NOT EXISTS tries`);
		expect(await endOf(db.batch([put("a"), say("SELECT lose()")]))).toBe("unavailable");
		expect(await db.read(say("SELECT last_value FROM tries"))).toEqual([[5]]);
		expect(await ids(db)).toEqual([]);
	});

	it("keep their settings to themselves: a lane that a claim has locked is not in the next batch", async () => {
		const { db, plain, close } = await openThings(url, { pool: 1 });
		await plain.unsafe("CREATE TABLE IF NOT EXISTS lanes (id text PRIMARY KEY); INSERT INTO lanes VALUES ('l') ON CONFLICT DO NOTHING");
		const held = say("SELECT coalesce(current_setting('jobhook.lane', true), '')");
		expect(await db.batch([lockLane.bind({ lane: "l" }), held])).toEqual([[{ locked: "l" }], [["l"]]]);
		expect(await db.read(held)).toEqual([[""]]);
		expect(await db.batch([held, held])).toEqual([[[""]], [[""]]]);
		await close();
	});
});

describe("the pool", () => {
	const slow = (s: number) => say(`SELECT pg_sleep(${s})::text`);

	it.each([1, 2, 5])("of %i serves four hundred batches that come at once, in turn", async (pool) => {
		const { db, close } = await openThings(url, { pool });
		const all = Array.from({ length: 200 }, (_, i) => [db.batch([put(`a${i}`), add(`a${i}`)]), db.background.batch([put(`b${i}`)])]).flat();
		expect(new Set(await Promise.all(all.map(endOf)))).toEqual(new Set(["done"]));
		expect(await ids(db)).toHaveLength(400);
		await close();
	});

	it("lets requests through at once while background work would take it all", async () => {
		const { db, close } = await openThings(url, { pool: 4 });
		const hogs = Promise.all(Array.from({ length: 6 }, () => db.background.read(slow(0.3))));
		const took = await Promise.all(
			Array.from({ length: 20 }, async (_, i) => {
				const began = performance.now();
				await db.batch([put(`a${i}`), add(`a${i}`)]);
				return performance.now() - began;
			}),
		);
		expect(Math.max(...took)).toBeLessThan(300);
		await hogs;
		await close();
	});

	it("that stays in use refuses within 2.5 s as unavailable, and serves again afterwards", async () => {
		const { db, close } = await openThings(url, { pool: 2 });
		const hogs = Promise.all([db.read(slow(2.5)), db.read(slow(2.5))]);
		const began = performance.now();
		expect(await Promise.all([endOf(ids(db)), endOf(db.background.batch([put("x")]))])).toEqual(["unavailable", "unavailable"]);
		expect(performance.now() - began).toBeLessThan(2500);
		await hogs;
		await Promise.all([db.batch([put("a")]), db.batch([put("b")]), db.background.batch([put("c")])]);
		expect(await ids(db)).toEqual(["a", "b", "c"]);
		await close();
	}, 10_000);

	it("ends when what is under way has ended", async () => {
		const { db, plain, close } = await openThings(url, { pool: 2 });
		const last = db.batch([put("a"), slow(0.2), put("b")]);
		await until(
			async () => (await plain`SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(0.2)%' AND pid <> pg_backend_pid()`).length > 0,
		);
		await db.close();
		await last;
		expect(await plain`SELECT id FROM things ORDER BY id`.values()).toEqual([["a"], ["b"]]);
		expect(await endOf(ids(db))).toBe("unavailable");
		await close();
	});
});

it("a row that waits for another client is written when that lets go in time", async () => {
	const { db, plain } = things;
	await db.batch([put("a")]);
	let waiting: Promise<unknown> | undefined;
	await plain.begin(async (tx) => {
		await tx`UPDATE things SET n = 10`;
		waiting = db.batch([add("a"), put("b")]);
		await blocked(1);
	});
	await waiting;
	expect(await db.read(say("SELECT n FROM things ORDER BY id"))).toEqual([[11], [1]]);
});
