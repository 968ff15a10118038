import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MIGRATIONS, openDatabase } from "../../src/node/database.ts";
import { migrateSqlite, UnfitDatabase } from "../../src/node/migrate.ts";
import { child } from "../support/child.ts";

interface Journal {
	entries: { idx: number; version: string; when: number; tag: string; breakpoints: boolean }[];
}

/** How a test spoils what was applied. */
interface Changes {
	db: Database.Database;
	rewrite(tag: string, text: string): void;
}

describe("migrations", () => {
	let folder: string;
	const open: Database.Database[] = [];
	const file = (name = "jobhook.db") => path.join(folder, name);
	const connect = (name?: string) => {
		const db = new Database(file(name));
		open.push(db);
		return db;
	};
	const schema = (db: Database.Database) => db.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").all();
	const applied = (db: Database.Database) => db.prepare("SELECT hash, created_at FROM __drizzle_migrations").all();
	const known = () => (JSON.parse(readFileSync(path.join(MIGRATIONS, "meta/_journal.json"), "utf8")) as Journal).entries.length;
	/** This code's migrations and then some. */
	const withMore = (more: string[]) => {
		const later = file("migrations");
		cpSync(MIGRATIONS, later, { recursive: true });
		const journal = JSON.parse(readFileSync(path.join(later, "meta/_journal.json"), "utf8")) as Journal;
		for (const [i, text] of more.entries()) {
			const last = journal.entries.at(-1)!;
			journal.entries.push({ ...last, idx: last.idx + 1, when: last.when + 1, tag: `later_${i}` });
			writeFileSync(path.join(later, `later_${i}.sql`), text);
		}
		writeFileSync(path.join(later, "meta/_journal.json"), JSON.stringify(journal));
		return later;
	};
	beforeEach(() => {
		folder = mkdtempSync(path.join(os.tmpdir(), "jobhook-migrate-"));
	});
	afterEach(() => {
		for (const db of open.splice(0)) db.close();
		rmSync(folder, { recursive: true, force: true });
	});

	it("are applied at the first start, in a folder that may not be there yet, and not again at the second", async () => {
		const databasePath = path.join(folder, "a/b/jobhook.db");
		const first = openDatabase({ databasePath });
		const before = [schema(first.raw), applied(first.raw)];
		expect(applied(first.raw)).toHaveLength(known());
		expect(first.raw.pragma("journal_mode", { simple: true })).toBe("wal");
		first.raw.exec("INSERT INTO accounts (id, provider, name, created_at) VALUES ('kept', 'p', 'n', 1)");
		await first.close();
		const second = openDatabase({ databasePath });
		expect([schema(second.raw), applied(second.raw)]).toEqual(before);
		expect(second.raw.prepare("SELECT id FROM accounts").pluck().all()).toEqual(["kept"]);
		await second.close();
	});

	it("say how many were due", () => {
		const db = connect();
		expect(migrateSqlite(db, MIGRATIONS)).toBe(known());
		expect(migrateSqlite(db, MIGRATIONS)).toBe(0);
		expect(migrateSqlite(db, withMore(["CREATE TABLE later (id text);", "CREATE INDEX later_id ON later (id);"]))).toBe(2);
		expect(db.prepare("SELECT count(*) FROM sqlite_schema WHERE tbl_name = 'later'").pluck().get()).toBe(2);
	});

	it("are applied once by two processes that start on one new file together", async () => {
		const starters = [child("starter.ts", []), child("starter.ts", [])];
		for (const starter of starters) expect(await starter.said()).toBe("ready");
		for (let i = 0; i < 8; i++) {
			const at = Date.now() + 15;
			for (const starter of starters) starter.tell(`${at} ${file(`${i}.db`)}`);
			for (const said of ["opening", "started"]) for (const starter of starters) expect(await starter.said()).toBe(said);
			expect(applied(connect(`${i}.db`))).toHaveLength(known());
		}
	});

	it("wait for another process that is about to make the file", async () => {
		const [locker, starter] = [child("locker.ts", [file()]), child("starter.ts", [])];
		locker.tell("lock");
		expect(await locker.said()).toBe("done");
		expect(await starter.said()).toBe("ready");
		starter.tell(`0 ${file()}`);
		expect(await starter.said()).toBe("opening");
		await new Promise((resolve) => setTimeout(resolve, 200)); // longer than SQLite itself would wait
		locker.tell("unlock");
		expect(await starter.said()).toBe("started");
		expect(applied(connect())).toHaveLength(known());
	});

	it("leave a database alone that a newer version wrote, and say so in one line", async () => {
		const db = connect();
		migrateSqlite(db, withMore(["CREATE TABLE later (id text);"]));
		const before = [schema(db), applied(db), db.pragma("data_version")];
		const message = "the database is newer than this jobhook: start the version that wrote it, or restore a backup made before the upgrade";
		expect(() => openDatabase({ databasePath: file() })).toThrow(new UnfitDatabase(message));
		expect(message).not.toContain("\n");
		expect([schema(db), applied(db)]).toEqual(before.slice(0, 2));
		db.exec("DROP TABLE later"); // nothing of the refused start still holds the file
	});

	it.each<[string, (at: Changes) => void, RegExp]>([
		[
			"was changed after it was applied",
			({ rewrite }) => rewrite("later_0", "CREATE TABLE other (id text);"),
			/^the migration later_0 was changed after it was applied/,
		],
		[
			"is older than the newest applied, and never was",
			({ db }) => db.exec(`DELETE FROM __drizzle_migrations WHERE id = ${known() + 1}`),
			/^the migration later_0 was never applied/,
		],
		[
			"was applied and is not known",
			({ db }) => db.exec("INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('x', 1)"),
			/^the database has a migration that this jobhook does not know/,
		],
	])("stop, in one line and with nothing written, where one %s", (_, change, message) => {
		const db = connect();
		const folder = withMore(["CREATE TABLE later (id text);", "CREATE TABLE latest (id text);"]);
		migrateSqlite(db, folder);
		change({ db, rewrite: (tag, text) => writeFileSync(path.join(folder, `${tag}.sql`), text) });
		const before = [schema(db), applied(db)];
		expect(() => migrateSqlite(db, folder)).toThrow(UnfitDatabase);
		expect(() => migrateSqlite(db, folder)).toThrow(message);
		expect([schema(db), applied(db)]).toEqual(before);
	});

	it("leave nothing when one fails half-way, and can be tried again", () => {
		const db = connect();
		const bad = withMore(["CREATE TABLE fine (id text);", "CREATE TABLE half (id text);\n--> statement-breakpoint\nCREATE TABLE nope (;"]);
		expect(() => migrateSqlite(db, bad)).toThrow(/syntax error/);
		expect(schema(db)).toEqual([]);
		expect(migrateSqlite(db, MIGRATIONS)).toBe(known());
		const before = [schema(db), applied(db)];
		expect(() => migrateSqlite(db, bad)).toThrow(/syntax error/);
		expect([schema(db), applied(db)]).toEqual(before);
	});

	it("stop at a file that is no database, which stays as it is", () => {
		mkdirSync(file("data"));
		const databasePath = file("data/notes.db");
		writeFileSync(databasePath, "this is a letter, not a database\n".repeat(100));
		expect(() => openDatabase({ databasePath })).toThrow(/not a database/);
		expect(readFileSync(databasePath, "utf8")).toBe("this is a letter, not a database\n".repeat(100));
	});
});
