import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import Database from "better-sqlite3";
import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compileSql } from "../../src/db/compile.ts";
import { ConstraintError, type Db } from "../../src/db/db.ts";
import { isUnavailable } from "../../src/errors.ts";
import { openSqlite } from "../../src/node/sqlite.ts";
import { appRow, idsOf } from "../suite/store/rows.ts";
import { child } from "../support/child.ts";
import { freshSqlite } from "../support/sqlite.ts";

/** The frames of the write-ahead log that end a transaction: one for each COMMIT that wrote. */
function commits(file: string): number {
	const wal = readFileSync(`${file}-wal`);
	const frame = 24 + wal.readUInt32BE(8);
	const salt = wal.subarray(16, 24);
	let count = 0;
	for (let at = 32; at + frame <= wal.length && wal.subarray(at + 8, at + 16).equals(salt); at += frame)
		if (wal.readUInt32BE(at + 4) > 0) count++;
	return count;
}

/** How each batch ended: `written`, or why not. */
const ends = (batches: Promise<unknown>[]) =>
	Promise.all(
		batches.map((batch) =>
			batch.then(
				() => "written",
				(e: unknown) => (e instanceof ConstraintError ? "clash" : isUnavailable(e) ? "unavailable" : String(e)),
			),
		),
	);
const apps = (n: number, name: string) => Array.from({ length: n }, (_, i) => `${name}${i}`);
const LARGE = "x".repeat(100_000);

describe("group commit", () => {
	let db: ReturnType<typeof freshSqlite>;
	let other: Database.Database;
	/** What another connection sees: what is committed. */
	const committed = () => other.prepare("SELECT id FROM apps ORDER BY id").pluck().all();
	beforeEach(async () => {
		db = freshSqlite({ busyRetryMs: 60_000 }); // whatever is refused here is not refused for waiting
		other = new Database(db.file);
		await db.batch([appRow("warm")]);
		db.raw.exec("DELETE FROM apps");
	});
	afterEach(async () => {
		other.close();
		await db.close();
	});

	it("gives the batches of one turn one COMMIT, and each its own rows", async () => {
		const before = commits(db.file);
		const name = compileSql<{ id: string }, { name: string }>(["name"], (p) => sql`SELECT name FROM apps WHERE id = ${p.id}`);
		const batches = apps(60, "app").map((id) => db.batch([appRow(id), name.bind({ id })]));
		expect(committed()).toEqual([]);
		expect(await Promise.all(batches)).toEqual(apps(60, "app").map((id) => [[{ inserted: 1 }], [{ name: id }]]));
		expect(committed()).toHaveLength(60);
		expect(commits(db.file) - before).toBeLessThan(10); // one, and one more wherever this machine took longer than a turn may
	});

	it("keeps a clash to the batch that has it: both neighbours are committed", async () => {
		const batches = [db.batch([appRow("a")]), db.batch([appRow("half"), appRow("x", { name: "a" })]), db.batch([appRow("b")])];
		expect(await ends(batches)).toEqual(["written", "clash", "written"]);
		expect(committed()).toEqual(["a", "b"]);
	});

	it("rejects the batch that does not fit on a full disk, and commits those around it", async () => {
		db.raw.pragma(`max_page_count = ${db.raw.pragma("page_count", { simple: true })}`);
		const batches = [db.batch([appRow("a")]), db.batch([appRow("half"), appRow("x", { callbackSecret: LARGE })]), db.batch([appRow("b")])];
		expect(await ends(batches)).toEqual(["written", "unavailable", "written"]);
		expect(committed()).toEqual(["a", "b"]);
	});

	it("rejects all that ran in a turn that SQLite ended, and goes on with the rest", async () => {
		// a single-row INSERT … VALUES that finds the disk full ends the whole transaction, not only its statement
		const hog = compileSql<{ id: string }, never>(
			[],
			(p) => sql`INSERT INTO apps (id, name, callback_secret, created_at) VALUES (${p.id}, ${p.id}, ${LARGE}, 1)`,
		);
		const pages = db.raw.pragma("max_page_count", { simple: true });
		db.raw.pragma(`max_page_count = ${db.raw.pragma("page_count", { simple: true })}`);
		const batches = [
			db.batch([appRow("a")]),
			db.batch([appRow("a")]), // its clash was with a row that is gone now
			db.batch([appRow("half"), hog.bind({ id: "hog" })]),
			db.batch([appRow("b")]),
			db.batch([appRow("c")]),
		];
		expect(await ends(batches)).toEqual(["unavailable", "unavailable", "unavailable", "written", "written"]);
		expect(committed()).toEqual(["b", "c"]);
		db.raw.pragma(`max_page_count = ${pages}`);
		expect(await ends([db.batch([appRow("a")]), db.batch([hog.bind({ id: "hog" })])])).toEqual(["written", "written"]);
	});

	it("rejects all when the COMMIT fails, and works again afterwards", async () => {
		db.raw.pragma("foreign_keys = ON");
		db.raw.exec("CREATE TABLE child (parent REFERENCES apps (id) DEFERRABLE INITIALLY DEFERRED)");
		const orphan = compileSql<unknown, never>([], () => sql`INSERT INTO child VALUES ('nobody')`); // refused at COMMIT
		const batches = [db.batch([appRow("a")]), db.batch([orphan.bind({})]), db.batch([appRow("a")])];
		expect(await ends(batches)).toEqual(["unavailable", "unavailable", "unavailable"]);
		expect(committed()).toEqual([]);
		expect(await ends([db.batch([appRow("b")])])).toEqual(["written"]);
	});

	it("tells the truth about every batch when writing to the disk fails at COMMIT", async () => {
		const writer = child("writer.ts", [db.file], { fileBlocks: 2048 });
		const written = JSON.parse(await writer.said()) as boolean[];
		await writer.kill();
		expect(new Set(written)).toEqual(new Set([true, false]));
		expect(committed()).toEqual(written.flatMap((ok, i) => (ok ? [`${i} a`, `${i} b`] : [])).sort((a, b) => (a < b ? -1 : 1)));
	});

	it("takes any number of batches at once", async () => {
		const before = commits(db.file);
		await Promise.all(apps(1000, "app").map((id) => db.batch([appRow(id)])));
		expect(committed()).toHaveLength(1000);
		expect(commits(db.file) - before).toBeGreaterThanOrEqual(4); // at most 256 share one
		expect(commits(db.file) - before).toBeLessThan(500);
	});

	it("lets everything else have its turn between two groups", async () => {
		let reads = 0;
		let pending = true;
		const writes = Promise.all(apps(1000, "app").map((id) => db.batch([appRow(id)]))).then(() => {
			pending = false;
		});
		for (; pending; reads++) await Promise.all([idsOf(db), new Promise((resolve) => setImmediate(resolve))]);
		await writes;
		expect(reads).toBeGreaterThanOrEqual(3);
	});

	it("finishes what waits before it closes, and takes nothing afterwards", async () => {
		const closing = openSqlite(db.file);
		const batches = apps(600, "app").map((id) => closing.batch([appRow(id)]));
		await closing.close();
		expect(new Set(await ends(batches))).toEqual(new Set(["written"]));
		expect(committed()).toHaveLength(600);
		expect(await ends([closing.batch([appRow("late")])])).toEqual(["unavailable"]);
	});

	it("rejects what a read-only database does not take, and writes again when it does", async () => {
		db.raw.pragma("query_only = ON");
		expect(await ends(apps(3, "app").map((id) => db.batch([appRow(id)])))).toEqual(Array(3).fill("unavailable"));
		db.raw.pragma("query_only = OFF");
		expect(await ends([db.batch([appRow("a")])])).toEqual(["written"]);
	});

	it("accepts nothing into a file that was deleted or replaced, for nobody would find it again", async () => {
		const write = (id: string, into: Db = db) => ends([into.batch([appRow(id)])]);
		renameSync(db.file, `${db.file}.away`);
		expect(existsSync(db.file)).toBe(false);
		expect(await write("a")).toEqual(["unavailable"]);
		renameSync(`${db.file}.away`, db.file);
		expect(await write("b")).toEqual(["written"]);
		rmSync(db.file);
		const stranger = new Database(db.file);
		stranger.exec("CREATE TABLE t (x)");
		stranger.close();
		expect(await write("c")).toEqual(["unavailable"]);
	});
});
