import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type PostgresServer, startPostgresServer } from "../../src/demo/postgres-server.ts";
import { openPostgres } from "../../src/node/postgres.ts";
import { openProxy } from "../support/postgres/proxy.ts";
import { add, endOf, ids, openThings, put, say, until } from "../support/postgres/things.ts";

let server: PostgresServer;
let proxy: Awaited<ReturnType<typeof openProxy>>;
let things: Awaited<ReturnType<typeof openThings>>;
beforeAll(async () => {
	server = await startPostgresServer();
}, 60_000);
afterAll(() => server.stop());
beforeEach(async () => {
	proxy = await openProxy(server.url);
	things = await openThings(proxy.url, { deadlineMs: 700 }, server.url);
	await things.plain`DELETE FROM things`;
});
afterEach(async () => {
	proxy.thaw();
	await things.close();
	await proxy.close();
});

const HALF = [put("a"), add("a"), say("SELECT 'half'"), put("b")];

/** Milliseconds until calls are served again, which are made all the time. */
async function untilServed(): Promise<number> {
	const began = performance.now();
	await until(async () => (await endOf(things.db.batch([put(crypto.randomUUID()), say("SELECT 1")]))) === "done");
	return performance.now() - began;
}

describe("a PostgreSQL server that goes away", () => {
	it("at start: every call is unavailable at once, and the first one after it came is served", async () => {
		await server.halt();
		const late = openPostgres(server.url, { pool: 2, prepare: true });
		const began = performance.now();
		for (let i = 0; i < 20; i++)
			expect(await Promise.all([endOf(late.read(say("SELECT 1"))), endOf(late.background.batch(HALF))])).toEqual([
				"unavailable",
				"unavailable",
			]);
		expect(performance.now() - began).toBeLessThan(2000);
		await server.start();
		expect(await late.read(say("SELECT 1"))).toEqual([[1]]);
		await late.close();
	});

	it.each(["SIGINT", "SIGKILL"] as const)(
		"by %s, while many are at work: they end, and all goes on when it is back",
		async (how) => {
			const { db } = things;
			const slow = [put("s"), say("SELECT pg_sleep(5)::text"), put("t")];
			const ends = Promise.all(
				[db.batch(slow), db.read(say("SELECT pg_sleep(5)::text")), ...Array.from({ length: 50 }, () => ids(db))].map(endOf),
			);
			await until(
				async () =>
					(await things.plain`SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()`).length > 1,
			);
			await (how === "SIGINT" ? server.halt() : server.signal("SIGKILL"));
			expect((await ends).slice(0, 2)).toEqual(["unavailable, perhaps written", "unavailable"]);
			expect(await endOf(db.batch(HALF))).toBe("unavailable");
			await server.start();
			expect(await untilServed()).toBeLessThan(1000);
			expect(await ids(db)).not.toContain("s");
		},
		30_000,
	);

	it("while nobody asks: nothing is said, and the next call is served", async () => {
		await things.db.batch(HALF);
		await server.halt();
		await server.start();
		expect(await ids(things.db)).toEqual(["a", "b"]);
	});

	it("again and again: ten restarts are survived, and no connection is left behind", async () => {
		for (let i = 0; i < 10; i++) {
			const during = Promise.all(Array.from({ length: 8 }, (_, n) => endOf(things.db.batch([put(`${i}-${n}`), say("SELECT 1")]))));
			await server.halt();
			await during;
			await endOf(ids(things.db));
			await server.start();
			expect(await untilServed()).toBeLessThan(1000);
		}
		await things.db.close();
		await until(() => proxy.connections === 0);
	}, 60_000);
});

describe("a batch whose connection is lost", () => {
	it.each(["BEGIN", "half", "COMMIT"])("before the server has read %s is unavailable and leaves nothing", async (word) => {
		const { db } = things;
		await ids(db);
		proxy.cutBefore(word);
		expect(await endOf(db.batch(HALF))).toBe("unavailable, perhaps written");
		expect(await ids(db)).toEqual([]);
		await db.batch(HALF);
		expect(await ids(db)).toEqual(["a", "b"]);
	});

	it("behind COMMIT is unavailable, and what it wrote is there", async () => {
		const { db, plain } = things;
		await ids(db);
		proxy.cutAfter("COMMIT", () => until(async () => (await plain`SELECT 1 FROM things WHERE id = 'b'`).length === 1));
		expect(await endOf(db.batch(HALF))).toBe("unavailable, perhaps written");
		expect(await ids(db)).toEqual(["a", "b"]);
	});

	it("while it waits for a lock is unavailable, and leaves the lock to others", async () => {
		const { db, plain } = things;
		await db.batch([put("a"), put("c")]);
		const lost = await plain.begin(async (tx) => {
			await tx`UPDATE things SET n = 10 WHERE id = 'a'`;
			const end = endOf(db.batch([add("c"), add("a")]));
			const waiting = async () => (await plain`SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'`).length;
			await until(async () => (await waiting()) === 1);
			proxy.cut();
			await until(async () => (await waiting()) === 0); // else the server would write all of it once the lock is free
			return end;
		});
		expect(lost).toBe("unavailable, perhaps written");
		expect(await db.batch([add("a"), add("c")])).toEqual([[[11]], [[2]]]);
	});
});

describe("silence", () => {
	it("of the network ends at the deadline, and the dead connections are given up", async () => {
		const { db } = things;
		await Promise.all([ids(db), ids(db)]);
		proxy.freeze();
		const began = performance.now();
		expect(await Promise.all([endOf(db.batch(HALF)), endOf(ids(db))])).toEqual(["unavailable, perhaps written", "unavailable"]);
		expect(performance.now() - began).toBeLessThan(1500);
		expect(await endOf(ids(db))).toBe("unavailable"); // a new connection, 2 s
		await until(() => proxy.connections === 0);
		proxy.thaw();
		expect(await ids(db)).toEqual([]);
	}, 10_000);

	it("of a frozen server too, for old connections and new ones; nothing hangs, and it is served when it wakes up", async () => {
		const { db } = things;
		await Promise.all([ids(db), ids(db)]);
		await server.signal("SIGSTOP");
		const began = performance.now();
		const ends = await Promise.all(Array.from({ length: 12 }, () => endOf(db.batch(HALF))));
		expect(ends.filter((end) => end === "unavailable, perhaps written")).toHaveLength(2); // the others found no connection
		expect(ends.filter((end) => end === "unavailable")).toHaveLength(10);
		expect(performance.now() - began).toBeLessThan(5000);
		await server.signal("SIGCONT");
		expect(await untilServed()).toBeLessThan(1000);
	}, 15_000);
});
