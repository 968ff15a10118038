import { afterEach, describe, expect, it } from "vitest";
import { isUnavailable } from "../../src/errors.ts";
import { openSqlite } from "../../src/node/sqlite.ts";
import { appRow, idsOf } from "../suite/store/rows.ts";
import { child } from "../support/child.ts";
import { freshSqlite } from "../support/sqlite.ts";

const open: ReturnType<typeof freshSqlite>[] = [];
afterEach(async () => {
	for (const db of open.splice(0)) await db.close();
});

/** A database, and another process that holds its write lock. */
async function locked(busyRetryMs: number) {
	const db = freshSqlite({ busyRetryMs });
	open.push(db);
	const locker = child("locker.ts", [db.file]);
	const tell = async (what: "lock" | "unlock") => {
		locker.tell(what);
		expect(await locker.said()).toBe("done");
	};
	await tell("lock");
	return { db, locker, tell };
}

/** Counts how often this process got to read while a promise was pending. */
async function readsWhile(db: (typeof open)[number], promise: Promise<unknown>): Promise<number> {
	let pending = true;
	const end = () => {
		pending = false;
	};
	promise.then(end, end);
	let reads = 0;
	for (; pending; reads++) await Promise.all([idsOf(db), new Promise((resolve) => setTimeout(resolve, 1))]);
	return reads;
}
const endOf = (batch: Promise<unknown>) =>
	batch.then(
		() => "written",
		(e: unknown) => (isUnavailable(e) ? "unavailable" : String(e)),
	);

describe("a lock that another process holds", () => {
	it("lets writes wait and everything else go on, and the writes succeed when it is let go", async () => {
		const { db, tell } = await locked(60_000);
		const ended: string[] = [];
		const writes = ["a", "b", "c"].map((id) => endOf(db.batch([appRow(id)])).then((end) => ended.push(`${id} ${end}`)));
		for (let i = 0; i < 10; i++)
			expect(await Promise.all([idsOf(db), new Promise((resolve) => setTimeout(resolve, 1))])).toEqual([[], undefined]);
		expect(ended).toEqual([]);
		await tell("unlock");
		await Promise.all(writes);
		expect(ended).toEqual(["a written", "b written", "c written"]);
		expect(await idsOf(db)).toEqual(["a", "b", "c"]);
	});

	it("rejects the writes that waited for the whole span, having frozen nothing, and later ones work again", async () => {
		const { db, tell } = await locked(400);
		const write = endOf(db.batch([appRow("a")]));
		expect(await readsWhile(db, write)).toBeGreaterThan(3);
		expect(await write).toBe("unavailable");
		await tell("unlock");
		expect(await endOf(db.batch([appRow("b")]))).toBe("written");
		expect(await idsOf(db)).toEqual(["b"]);
	});

	it("leaves the process idle while it waits", async () => {
		const { db, tell } = await locked(60_000);
		const write = endOf(db.batch([appRow("a")]));
		const before = performance.eventLoopUtilization();
		await new Promise((resolve) => setTimeout(resolve, 400));
		expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.4);
		await tell("unlock");
		expect(await write).toBe("written");
	});

	it("gives every write its own span", async () => {
		const { db, tell } = await locked(600);
		const first = endOf(db.batch([appRow("a")]));
		await readsWhile(db, new Promise((resolve) => setTimeout(resolve, 400)));
		const second = endOf(db.batch([appRow("b")]));
		expect(await first).toBe("unavailable");
		await tell("unlock");
		expect(await second).toBe("written");
	});

	it("never makes SQLite itself wait longer than 50 ms", async () => {
		const db = freshSqlite();
		open.push(db);
		const again = openSqlite(db.file);
		for (const { raw } of [db, again]) expect(raw.pragma("busy_timeout", { simple: true })).toBe(50);
		await again.close();
	});

	it("is over when its process is killed", async () => {
		const { db, locker } = await locked(60_000);
		const write = endOf(db.batch([appRow("a")]));
		await locker.kill();
		expect(await write).toBe("written");
	});

	it("does not let the database close before what waits has ended", async () => {
		const { db, tell } = await locked(60_000);
		const closing = openSqlite(db.file, { busyRetryMs: 60_000 });
		const order: string[] = [];
		const write = endOf(closing.batch([appRow("a")])).then((end) => order.push(end));
		const close = closing.close().then(() => order.push("closed"));
		await tell("unlock");
		await Promise.all([write, close]);
		expect(order).toEqual(["written", "closed"]);
		expect(await idsOf(db)).toEqual(["a"]);
	});
});
