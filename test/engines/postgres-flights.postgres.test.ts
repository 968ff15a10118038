import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ConstraintError } from "../../src/db/db.ts";
import { newDatabase } from "../support/postgres/database.ts";
import { openProxy } from "../support/postgres/proxy.ts";
import { add, endOf, ids, openThings, put, say } from "../support/postgres/things.ts";

const FOUR = (n: number) => [put(`a${n}`), add(`a${n}`), say("DELETE FROM things WHERE id = ?", "none"), add(`a${n}`)];

describe.each([true, false])("a batch on PostgreSQL, plans kept: %s", (prepare) => {
	let proxy: Awaited<ReturnType<typeof openProxy>>;
	let things: Awaited<ReturnType<typeof openThings>>;
	beforeAll(async () => {
		const url = await newDatabase();
		proxy = await openProxy(url);
		things = await openThings(proxy.url, { prepare, pool: 1 }, url);
		await things.db.read(say("SELECT 1"));
	});
	afterAll(async () => {
		await things.close();
		await proxy.close();
	});
	beforeEach(() => things.plain`DELETE FROM things`);

	it("is one flight from BEGIN to COMMIT, with statements that the connection never saw, too", async () => {
		const { db } = things;
		expect(await proxy.flightsOf(() => db.batch(FOUR(1)))).toBe(1);
		expect(await proxy.flightsOf(() => db.batch(FOUR(2)))).toBe(1);
		expect(await proxy.flightsOf(() => db.read(say("SELECT n FROM things WHERE id = ?", "a1")))).toBe(1);
		expect(await proxy.flightsOf(() => db.batch([add("a1")]))).toBe(1);
		expect(await db.batch([add("a1"), add("a2"), say("DELETE FROM things WHERE id = ?", "a1")])).toEqual([[[5]], [[4]], []]);
	});

	it("keeps plans only where the connection is its own", async () => {
		await things.db.batch(FOUR(1));
		const kept = await things.db.read(say("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'INSERT INTO things%'"));
		expect(kept).toEqual([[prepare ? 1 : 0]]);
	});

	it.each([0, 1, 2, 3])("that fails in statement %i says that failure, writes nothing, and leaves the connection clean", async (at) => {
		const { db } = things;
		const work = [put("b"), put("c"), put("d"), add("b")].toSpliced(at, 0, say("SELECT 1 / ?::int", 0));
		await expect(db.batch(work)).rejects.toMatchObject({ code: "22012" });
		expect(await ids(db)).toEqual([]);
		await db.batch([put("e")]);
		expect(await things.plain`SELECT id FROM things`.values()).toEqual([["e"]]);
	});

	it("that a unique key refuses rejects as ConstraintError and writes nothing", async () => {
		const { db } = things;
		await db.batch([put("a")]);
		await expect(db.batch([put("b"), put("a"), put("c")])).rejects.toBeInstanceOf(ConstraintError);
		await expect(db.batch([put("a")])).rejects.toBeInstanceOf(ConstraintError);
		expect(await ids(db)).toEqual(["a"]);
	});

	it("that only COMMIT refuses writes nothing", async () => {
		await things.plain`CREATE TABLE IF NOT EXISTS late (id text UNIQUE DEFERRABLE INITIALLY DEFERRED)`;
		const late = () => say("INSERT INTO late VALUES (?)", "x");
		await expect(things.db.batch([put("a"), late(), late()])).rejects.toBeInstanceOf(ConstraintError);
		expect(await ids(things.db)).toEqual([]);
	});

	it("of a million characters and of 300 statements goes through whole", async () => {
		const { db } = things;
		const long = "ä".repeat(1_000_000);
		await db.batch([put("a"), say("CREATE TEMP TABLE IF NOT EXISTS long (t text)"), say("INSERT INTO long VALUES (?)", long), put("b")]);
		expect(await db.read(say("SELECT t FROM long"))).toEqual([[long]]);
		await db.batch(Array.from({ length: 300 }, (_, i) => put(`c${i}`)));
		await expect(db.batch([...Array.from({ length: 300 }, (_, i) => put(`d${i}`)), put("a")])).rejects.toBeInstanceOf(ConstraintError);
		expect(await ids(db)).toHaveLength(302);
	});

	it("whose plans a migration has changed runs on a new connection, once and whole", async () => {
		const { db, plain } = things;
		await db.batch([put("a"), put("b"), say("SELECT * FROM things WHERE id = ?", "a")]);
		await plain.unsafe("ALTER TABLE things ADD COLUMN more text");
		// the driver alone would run a failed statement again behind COMMIT, and keep it
		const work = [say("UPDATE things SET n = n + 1 WHERE id = ? RETURNING *", "a")];
		await db.batch([...work, put("c")]);
		await plain.unsafe("ALTER TABLE things DROP COLUMN more");
		await expect(db.batch([...work, put("c")])).rejects.toBeInstanceOf(ConstraintError);
		await db.batch([...work, put("d")]);
		expect(await plain`SELECT id, n FROM things ORDER BY id`.values()).toEqual([
			["a", "3"],
			["b", "1"],
			["c", "1"],
			["d", "1"],
		]);
	});

	it("gives up a row that another client has locked after 2 s", async () => {
		const { db, plain } = things;
		await db.batch([put("a"), put("b")]);
		await plain.begin(async (tx) => {
			await tx`UPDATE things SET n = 10 WHERE id = 'a'`;
			const began = performance.now();
			expect(await endOf(db.batch([add("b"), add("a")]))).toBe("unavailable");
			expect(await endOf(db.batch([add("a")]))).toBe("unavailable");
			expect(performance.now() - began).toBeLessThan(5500);
			expect(await db.batch([add("b"), put("c")])).toEqual([[[2]], []]);
		});
		expect(await db.batch([add("a"), add("b")])).toEqual([[[11]], [[3]]]);
	}, 15_000);
});
