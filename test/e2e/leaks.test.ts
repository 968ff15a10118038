import { readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { fullRun } from "../support/leaks/run.ts";
import { type Haystack, inLines, Vault } from "../support/leaks/vault.ts";
import { scratch } from "../support/process.ts";

/** Everything below a folder, by its bytes. */
function filesBelow(folder: string): Haystack[] {
	return readdirSync(folder, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => path.join(entry.parentPath, entry.name))
		.map((file) => ({
			where: file.includes(".blobs/") ? "blobs" : "database",
			what: path.relative(folder, file),
			bytes: readFileSync(file),
		}));
}

describe("in a full run of the service, on SQLite,", { timeout: 60_000 }, () => {
	it("no secret is in a log, an answer, a command's words, a row or a file", async () => {
		const folder = scratch();
		const file = path.join(folder, "data/jobhook.db");
		const vault = new Vault();
		const before: Haystack[] = [];
		const beside = <T>(work: (db: Database.Database) => T): T => {
			const db = new Database(file, { timeout: 5000 });
			try {
				return work(db);
			} finally {
				db.close();
			}
		};
		const heap = await fullRun(
			{
				url: file,
				everyCommand: true,
				copy: path.join(folder, "copy"),
				refuseDescriptions: `CREATE TRIGGER refusing BEFORE INSERT ON endpoints WHEN NEW.description IS NOT NULL
					BEGIN SELECT RAISE(ABORT, 'a description'); END`,
				sql: async (text) => void beside((db) => db.exec(text)),
				async down() {
					before.push(...filesBelow(folder)); // with -wal and -shm as they are while it runs
					renameSync(file, `${file}.away`);
				},
				up: async () => renameSync(`${file}.away`, file),
				async dump() {
					const rows = beside((db) => {
						const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all() as string[];
						return tables.map((table) => ({ table, text: JSON.stringify(db.prepare(`SELECT * FROM "${table}"`).all()) }));
					});
					return rows
						.map(({ table, text }): Haystack => ({ where: "database", what: `table ${table}`, bytes: Buffer.from(text) }))
						.concat(filesBelow(folder));
				},
			},
			vault,
		);
		heap.push(...before);
		expect(vault.unused()).toEqual([]);
		expect(inLines(vault.leaksIn(heap))).toEqual([]);
		for (const what of ["data/jobhook.db", "data/jobhook.db-wal", "copy/jobhook.db"]) expect(heap.map((one) => one.what)).toContain(what);
		const readable = readdirSync(folder, { recursive: true }).filter((name) => {
			const found = statSync(path.join(folder, String(name)));
			return found.isFile() && (found.mode & 0o077) !== 0;
		});
		expect(readable).toEqual([]); // for their owner alone
	});
});

describe("the search", () => {
	const PLANTED = `"<${"Zq9k".repeat(4)}+/\\'${"Xw7v".repeat(4)}`;
	const vault = new Vault();
	vault.add("planted", PLANTED, ["database"]);
	const lookedFor = (text: string, where: Haystack["where"] = "log") =>
		vault.leaksIn([{ where, what: "x", bytes: Buffer.from(`before ${text} after`) }]);

	it.each<[string, string]>([
		["as it is", PLANTED],
		["in JSON", JSON.stringify({ a: PLANTED })],
		["in JSON in JSON", JSON.stringify({ a: JSON.stringify({ b: PLANTED }) })],
		["in JSON of PHP", JSON.stringify({ a: PLANTED }).replaceAll("/", "\\/")],
		["in a URL", `https://example.com/?a=${encodeURIComponent(PLANTED)}`],
		["in a page", PLANTED.replaceAll("<", "&lt;").replaceAll('"', "&quot;")],
		["in hex", Buffer.from(`x${PLANTED}`).toString("hex")],
		["in HEX", Buffer.from(`x${PLANTED}`).toString("hex").toUpperCase()],
		...["", "a", "ab"].flatMap((before): [string, string][] => [
			[`in base64, behind ${before.length} bytes`, Buffer.from(`${before}${PLANTED}bc`).toString("base64")],
			[`in base64url, behind ${before.length} bytes`, Buffer.from(`${before}${PLANTED}bc`).toString("base64url")],
		]),
		["cut off behind its beginning", PLANTED.slice(0, 14)],
		["cut off before its end", PLANTED.slice(-14)],
	])("finds a secret %s, and shows what is around it without it", (_, text) => {
		const [found, ...others] = lookedFor(text);
		expect([found?.secret, others]).toEqual(["planted", []]);
		expect(found!.offset).toBeGreaterThanOrEqual(7);
		expect(found!.context).toContain("<planted>");
		expect(lookedFor(found!.context)).toEqual([]);
	});

	it("finds bytes, as they are and in base64", () => {
		const bytes = Buffer.from(Array.from({ length: 32 }, (_, i) => (i * 37 + 200) % 256));
		const keys = new Vault();
		keys.add("key", bytes);
		for (const hidden of [bytes, Buffer.from(bytes.toString("base64")), Buffer.from(bytes.toString("hex"))])
			expect(keys.leaksIn([{ where: "blobs", what: "x", bytes: Buffer.concat([Buffer.from("x"), hidden]) }])).toHaveLength(1);
	});

	it("finds nothing where there is nothing, nor where it may stand", () => {
		expect(lookedFor("Zq9kZq9")).toEqual([]);
		expect(lookedFor(PLANTED, "database")).toEqual([]);
	});

	it("knows which secrets nobody has used", () => {
		expect(vault.unused()).toEqual(["planted"]);
		vault.use("planted");
		expect(vault.unused()).toEqual([]);
		expect(() => vault.use("another")).toThrow("no secret is named another");
	});
});
