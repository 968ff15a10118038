import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { MIGRATIONS } from "../../src/db/migrations.ts";

const FOLDER = path.resolve(import.meta.dirname, "../../migrations");

it("the code names every migration there is, in order", () => {
	const journal = path.join(FOLDER, "sqlite/meta/_journal.json");
	const { entries } = JSON.parse(readFileSync(journal, "utf8")) as { entries: { tag: string }[] };
	expect(MIGRATIONS).toEqual(entries.map(({ tag }) => tag));
});

describe("the migrations of PostgreSQL", () => {
	const files = readdirSync(path.join(FOLDER, "postgres")).sort();

	it("are numbered without a gap, for they are applied in the order of their names", () => {
		expect(files.map((file) => /^(\d{4})_\w+\.sql$/.exec(file)?.[1])).toEqual(files.map((_, i) => String(i).padStart(4, "0")));
	});

	it.each(files)("can be applied in one transaction, in any schema: %s", (file) => {
		const text = readFileSync(path.join(FOLDER, "postgres", file), "utf8").replaceAll(/--.*/g, "");
		expect(text).not.toMatch(/\b(BEGIN|COMMIT|ROLLBACK|CONCURRENTLY|VACUUM|CREATE DATABASE|public\.|search_path)\b/i);
	});
});
