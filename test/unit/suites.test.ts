import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { importsOf } from "../support/import-rules.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const SUITES = ["gateway", "store"];

/** Names of all cases that vitest would run; one that is skipped is not among them. */
async function collected(): Promise<string[]> {
	const folder = mkdtempSync(path.join(os.tmpdir(), "jobhook-cases-"));
	const file = path.join(folder, "cases.json");
	const engines = [
		"--project",
		"sqlite",
		"--project",
		"workers",
		"--project",
		"postgres",
		...SUITES.map((suite) => `test/engines/${suite}`),
	];
	const vitest = ["node_modules/vitest/vitest.mjs", "list", "--config", "test/vitest.config.ts", "--no-isolate", `--json=${file}`];
	try {
		await promisify(execFile)(process.execPath, [...vitest, ...engines], { cwd: ROOT });
		return (JSON.parse(readFileSync(file, "utf8")) as { name: string }[]).map(({ name }) => name);
	} finally {
		rmSync(folder, { recursive: true });
	}
}

describe("every case of a suite is run on every engine:", () => {
	let names: string[];
	beforeAll(async () => {
		names = await collected();
	}, 60_000);
	const casesOf = (suite: string, engine: string) => {
		const prefix = `${suite} on ${engine} > `;
		return names.flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : [])).toSorted();
	};

	it.each(SUITES)("%s on SQLite, on D1 and on PostgreSQL", (suite) => {
		const onSqlite = casesOf(suite, "SQLite");
		expect(onSqlite.length).toBeGreaterThan(50);
		expect(casesOf(suite, "D1")).toEqual(onSqlite);
		expect(casesOf(suite, "PostgreSQL")).toEqual(onSqlite);
	});
});

describe.each(SUITES)("the suite %s and all that it imports of the tests", (suite) => {
	const texts = new Map<string, string>();
	const packages = new Set<string>();
	const walk = (file: string): void => {
		if (texts.has(file)) return;
		texts.set(file, readFileSync(path.join(ROOT, file), "utf8"));
		for (const target of importsOf(texts.get(file)!)) {
			const to = target?.startsWith(".") ? path.join(path.dirname(file), target) : null;
			if (to === null) packages.add(String(target));
			else if (to.startsWith("test/")) walk(to);
			else expect(to).not.toMatch(/^src\/(node|worker|cli|demo)\b/);
		}
	};
	beforeAll(() => walk(`test/suite/${suite}.ts`));

	it("is no engine's own: of Node's modules it uses node:crypto alone", () => {
		expect([...packages].filter((name) => isBuiltin(name) && name !== "node:crypto")).toEqual([]);
		expect([...packages].filter((name) => /^(better-sqlite3|postgres|cloudflare:|@cloudflare|null$)/.test(name))).toEqual([]);
	});

	it("skips nothing, and asks nowhere what it runs on", () => {
		for (const [file, text] of texts)
			expect(text, file).not.toMatch(/\.(skip|skipIf|runIf|todo|only|fails)\b|\bdialect [=!]=|\bnavigator\b|\bprocess\./);
	});
});
