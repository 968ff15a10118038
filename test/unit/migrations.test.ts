import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { MIGRATIONS } from "../../src/db/migrations.ts";

it("the code names every migration there is, in order", () => {
	const journal = path.resolve(import.meta.dirname, "../../migrations/sqlite/meta/_journal.json");
	const { entries } = JSON.parse(readFileSync(journal, "utf8")) as { entries: { tag: string }[] };
	expect(MIGRATIONS).toEqual(entries.map(({ tag }) => tag));
});
