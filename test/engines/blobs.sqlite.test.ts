import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	rmSync,
	statSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { readMigrationFiles } from "drizzle-orm/migrator";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { JobhookError } from "../../src/errors.ts";
import { blobsOf, openBlobs, placeOf } from "../../src/node/blobs.ts";
import { MIGRATIONS, openDatabase } from "../../src/node/database.ts";
import { blobsSuite, chunked, keyAt, together } from "../suite/blobs.ts";
import { child } from "../support/child.ts";

const PUTTER = "../engines/blobs.child.ts";
const NOW = Date.now();
const DAY = 86_400_000;
const some = new Uint8Array(1000).fill(7);

let folder: string;
let root: string;
beforeEach(() => {
	folder = mkdtempSync(path.join(os.tmpdir(), "jobhook-blobs-"));
	root = blobsOf(path.join(folder, "jobhook.db"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
/** Files below the folder, with the bytes of each. */
const files = () => {
	const entries = existsSync(root) ? readdirSync(root, { recursive: true, withFileTypes: true }) : [];
	return entries
		.filter((entry) => entry.isFile())
		.map(({ parentPath, name }) => [name, statSync(path.join(parentPath, name)).size] as const);
};
/** Files below the folder that this process has open. */
const openBelow = () =>
	readdirSync("/proc/self/fd").flatMap((fd) => {
		try {
			return [readlinkSync(`/proc/self/fd/${fd}`)].filter((at) => at.startsWith(root));
		} catch {
			return []; // closed meanwhile
		}
	});
const refusalOf = (call: Promise<unknown>) => call.then(() => null).catch((e: unknown) => e);

describe("blobs on disk", () => blobsSuite(async () => openBlobs(root)));

describe("a folder of blobs", () => {
	it("is beside its database, of its owner alone, and made at the first put", async () => {
		const blobs = openBlobs(root);
		await blobs.list("inputs", "", 10);
		await blobs.delete([keyAt(NOW)]);
		expect(await blobs.get(keyAt(NOW))).toBe(null);
		expect(readdirSync(folder)).toEqual([]);
		const key = keyAt(NOW);
		await blobs.put(key, some);
		expect(readdirSync(folder)).toEqual(["jobhook.db.blobs"]);
		const place = placeOf(root, key);
		const modes = [root, place.folder, place.file].map((at) => (statSync(at).mode & 0o777).toString(8));
		expect(modes).toEqual(["700", "700", "600"]);
	});

	it("is another one for another database in the same folder", async () => {
		const other = openBlobs(blobsOf(path.join(folder, "other.db")));
		const key = keyAt(NOW);
		await openBlobs(root).put(key, some);
		expect([await other.get(key), await other.list("inputs", "", 10)]).toEqual([null, []]);
	});

	it.each([
		"../jobhook.key",
		"inputs/../../jobhook.key",
		"inputs/job_1",
		"/etc/passwd",
		`inputs/${"../".repeat(9)}etc/passwd`,
		`${keyAt(NOW)}/../x`,
		`${keyAt(NOW)}\0`,
		`${keyAt(NOW)}.partial`,
		keyAt(NOW).toUpperCase(),
		"",
	])("is never left by a key like %j, which is a mistake of ours and no trouble of the disk's", async (key) => {
		writeFileSync(path.join(folder, "jobhook.key"), "secret");
		const blobs = openBlobs(root);
		const calls = [blobs.put(key, some), blobs.write(key, chunked(some, [100])), blobs.get(key), blobs.read(key), blobs.delete([key])];
		for (const refused of calls.map(refusalOf)) {
			const e = await refused;
			expect(e).toBeInstanceOf(Error);
			expect(e).not.toBeInstanceOf(JobhookError);
		}
		expect(readdirSync(folder)).toEqual(["jobhook.key"]);
		expect(readFileSync(path.join(folder, "jobhook.key"), "utf8")).toBe("secret");
	});

	it("of a process that is killed has every blob it had told of, whole, and lists no half one", async () => {
		const putter = child(PUTTER, [root, "300000"]);
		const told: string[] = [];
		while (told.length < 40) told.push(await putter.said());
		await putter.kill();
		for (let said = await putter.said(); said !== ""; said = await putter.said()) told.push(said);
		const blobs = openBlobs(root);
		for (const key of told) expect((await blobs.get(key))?.length, key).toBe(300_000);
		const listed = await blobs.list("inputs", "", 1e6);
		expect(listed).toEqual(expect.arrayContaining(told));
		for (const key of listed) expect((await blobs.get(key))?.length).toBe(300_000);
	});

	it.each(["put", "write"])("on a disk that takes no more says so (%s), keeps what it has, and has no half file", async (how) => {
		await openBlobs(root).put(keyAt(NOW), some);
		const putter = child(PUTTER, [root, "300000", how], { fileBlocks: 100 }); // no file may have more than 51,200 bytes
		const said = await putter.said();
		await putter.kill();
		expect(said).toMatch(/^unavailable the folder of large bodies cannot be used now, nothing was written; /);
		const whole = files().filter(([name]) => !name.endsWith(".partial"));
		expect(whole.map(([, size]) => size)).toEqual([1000]);
	});

	it.each(["", "inputs"])("in whose place (/%s) a file stands is unavailable in every call, and well again afterwards", async (place) => {
		const blobs = openBlobs(root);
		const key = keyAt(NOW);
		mkdirSync(path.dirname(path.join(root, place)), { recursive: true });
		writeFileSync(path.join(root, place), "");
		const source = { opened: false };
		async function* chunks() {
			source.opened = true;
			yield some;
		}
		const calls = [blobs.put(key, some), blobs.write(key, chunks()), blobs.get(key), blobs.read(key), blobs.list("inputs", "", 10)];
		calls.push(blobs.delete([key]));
		for (const refused of calls.map(refusalOf)) expect(await refused).toMatchObject({ code: "unavailable" });
		expect(source.opened).toBe(false);
		rmSync(root, { recursive: true });
		await blobs.put(key, some);
		expect((await blobs.get(key))?.length).toBe(1000);
	});

	it("has no half file of a blob whose source breaks", async () => {
		const broken = Object.assign(new Error("the other disk is full"), { code: "ENOSPC", syscall: "write" });
		expect(await refusalOf(openBlobs(root).write(keyAt(NOW), chunked(some, [100], broken)))).toBe(broken);
		expect(files()).toEqual([]);
	});

	it("has no file open of a blob that was read, or left, or never begun, and says so where one cannot be read", async () => {
		const blobs = openBlobs(root);
		const [key, folder] = [keyAt(NOW), keyAt(NOW)];
		await blobs.write(key, chunked(new Uint8Array(1_000_000), [100_000]));
		await blobs.read(key);
		for await (const _ of (await blobs.read(key))!) break;
		await together(await blobs.read(key));
		await expect.poll(openBelow).toEqual([]);
		const reader = (await blobs.read(key))!;
		await blobs.delete([key]);
		mkdirSync(placeOf(root, folder).file, { recursive: true });
		for (const broken of [reader, await blobs.read(folder)])
			expect(await refusalOf(together(broken))).toMatchObject({ code: "unavailable" });
		await expect.poll(openBelow).toEqual([]);
	});

	it("loses what a crash left half-written when it is walked a day later, and nothing that is being written", async () => {
		const blobs = openBlobs(root);
		const keys = [keyAt(NOW - 9 * DAY), keyAt(NOW)];
		for (const key of keys) await blobs.put(key, some);
		const halves = keys.map((key) => `${placeOf(root, key).file}.abc.partial`);
		for (const half of halves) writeFileSync(half, "half");
		utimesSync(halves[0]!, new Date(NOW - DAY - 60_000), new Date(NOW - DAY - 60_000));
		expect(await blobs.list("inputs", "", 10)).toEqual(keys);
		expect(halves.map((half) => existsSync(half))).toEqual([false, true]);
	});

	it("keeps what is put while deletes take its place away, and has no place left in the end", async () => {
		const blobs = openBlobs(root);
		const deleting = { on: true };
		const gone = (async () => {
			while (deleting.on) await blobs.delete([keyAt(NOW)]);
		})();
		for (let i = 0; i < 40; i++) {
			const key = keyAt(NOW);
			await blobs.put(key, some);
			expect((await blobs.get(key))?.length).toBe(1000);
			await blobs.delete([key]);
		}
		deleting.on = false;
		await gone;
		expect(readdirSync(path.join(root, "inputs"))).toEqual([]);
	});

	it("is walked without what is not its own, which stays", async () => {
		const blobs = openBlobs(root);
		const key = keyAt(NOW);
		await blobs.put(key, some);
		const { folder: place } = placeOf(root, key);
		for (const at of [path.join(place, "notes.txt"), path.join(place, "job_1"), path.join(root, "notes.txt")]) writeFileSync(at, "mine");
		expect(await blobs.list("inputs", "", 10)).toEqual([key]);
		await blobs.delete([key]);
		expect(
			files()
				.map(([name]) => name)
				.toSorted(),
		).toEqual(["job_1", "notes.txt", "notes.txt"]);
	});
});

it("a database of the version before gets its new columns, and its jobs and results stay as they are", async () => {
	const file = path.join(folder, "jobhook.db");
	const [first] = readMigrationFiles({ migrationsFolder: MIGRATIONS });
	const old = new Database(file);
	old.exec("CREATE TABLE __drizzle_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, hash text NOT NULL, created_at numeric)");
	old.prepare("INSERT INTO __drizzle_migrations (hash, created_at) VALUES (?, ?)").run(first!.hash, first!.folderMillis);
	for (const statement of first!.sql) old.exec(statement);
	old.exec(`INSERT INTO jobs (id, app_id, provider, type, model, state, submission_id, input, created_at)
		VALUES ('j', 'a', 'p', 't', 'm', 'completed', 's', '{"n":1}', 1)`);
	old.exec("INSERT INTO results (job_id, app_id, read_at, content) VALUES ('j', 'a', 1, 'words')");
	old.close();
	const db = openDatabase({ databasePath: file });
	expect(db.raw.prepare("SELECT id, input, input_blob FROM jobs").all()).toEqual([{ id: "j", input: '{"n":1}', input_blob: null }]);
	expect(db.raw.prepare("SELECT content, content_blob FROM results").all()).toEqual([{ content: "words", content_blob: null }]);
	await db.close();
});
