import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { complaintsAbout, importsOf } from "../support/import-rules.ts";

const SRC = path.resolve(import.meta.dirname, "../../src");
const sources = (): Map<string, string> =>
	new Map(globSync("**/*.{ts,mjs}", { cwd: SRC }).map((file) => [file, readFileSync(path.join(SRC, file), "utf8")]));
/** A made-up tree; files that are only imported are empty. */
const about = (files: Record<string, string>) => complaintsAbout(new Map(Object.entries(files)));

describe("imports of src", () => {
	it("go down only, in no circle, and leave Node and Workers to their edges", () => {
		expect(complaintsAbout(sources())).toEqual([]);
	});

	it("are all seen: every line that reads like one is", () => {
		for (const [file, text] of sources()) {
			const lines = text.split("\n").filter((line) => /^(import\b(?!\()|\} from ")/.test(line) && /["'];?$/.test(line));
			const statics = importsOf(text).filter((target) => target !== null);
			expect(statics.length, file).toBeGreaterThanOrEqual(lines.length);
		}
	});
});

describe("the checker", () => {
	it.each([
		["a verb that reaches for its route", "jobs/submit.ts", "http/jobs.ts", "imports go down only"],
		["an outbound file that reaches for jobs", "outbound/deliver.ts", "jobs/job.ts", "imports go down only"],
		["neighbours that reach for each other", "outbound/sign.ts", "providers/deapi.ts", "imports go down only"],
		["a leaf that reaches up", "core/ids.ts", "config.ts", "imports go down only"],
		["a provider that reads the database", "providers/deapi.ts", "db/db.ts", "providers never import db"],
		["a service that runs the sandbox by itself", "jobs/submit.ts", "sandbox/picture.ts", "only programs run the sandbox"],
		["a sandbox that knows the service", "sandbox/picture.ts", "providers/deapi.ts", "imports go down only"],
		["a Workers edge that borrows from Node's", "worker/d1.ts", "node/sqlite.ts", "imports go down only"],
		["a program of Node's that borrows from the Workers edge", "dev-worker.ts", "worker/d1.ts", "imports go down only"],
		["a service that reaches for its launcher", "node/gateway.ts", "build.mjs", "not a file that may be imported"],
	])("refuses %s", (_, from, to, why) => {
		const relative = path.posix.relative(path.posix.dirname(from), to);
		const target = relative.startsWith(".") ? relative : `./${relative}`;
		const wrong = [`${from} -> ${to}: ${why}`];
		expect(about({ [from]: `import { x } from "${target}";`, [to]: "" })).toEqual(wrong);
		expect(about({ [from]: `import type {\n\tX,\n\tY,\n} from "${target}";`, [to]: "" })).toEqual(wrong);
		expect(about({ [from]: `const x = async () => await import("${target}");`, [to]: "" })).toEqual(wrong);
		expect(about({ [from]: `let x: import("${target}").X;`, [to]: "" })).toEqual(wrong);
		expect(about({ [from]: `import "${target}";`, [to]: "" })).toEqual(wrong);
	});

	it.each([
		["http/jobs.ts", "jobs/submit.ts"],
		["jobs/finish.ts", "providers/deapi/callback.ts"],
		["jobs/sql/work.ts", "jobs/job.ts"],
		["deps.ts", "db/db.ts"],
		["cli.ts", "node/database.ts"],
		["dev-worker.ts", "node/worker.ts"],
		["sandbox/deapi/app.ts", "core/clock.ts"],
	])("lets %s import %s", (from, to) => {
		expect(
			about({ [from]: `import { x } from "${path.posix.relative(path.posix.dirname(from), to).replace(/^(?!\.)/, "./")}";`, [to]: "" }),
		).toEqual([]);
	});

	it("reports a circle with its path, even one of types alone", () => {
		const files = {
			"core/a.ts": 'import { b } from "./b.ts";',
			"core/b.ts": 'import type { C } from "./c.ts";',
			"core/c.ts": 'import { a } from "./a.ts";',
		};
		expect(about(files)).toEqual(["cycle: core/a.ts -> core/b.ts -> core/c.ts -> core/a.ts"]);
		expect(about({ "core/a.ts": 'import { a } from "./a.ts";' })).toEqual(["cycle: core/a.ts -> core/a.ts"]);
	});

	it("keeps Node's own modules and packages at the Node edge, but for node:crypto in core", () => {
		expect(about({ "jobs/a.ts": 'import { createHash } from "node:crypto";' })).toEqual([
			"jobs/a.ts: node:crypto belongs to the Node edge",
		]);
		expect(about({ "core/a.ts": 'import { readFileSync } from "fs";' })).toEqual(["core/a.ts: fs belongs to the Node edge"]);
		expect(about({ "core/a.ts": 'import { request } from "undici";' })).toEqual(["core/a.ts: undici belongs to the Node edge"]);
		expect(about({ "worker/a.ts": 'import pino from "pino";' })).toEqual(["worker/a.ts: pino belongs to the Node edge"]);
		expect(about({ "core/a.ts": 'import { createHash } from "node:crypto";', "node/b.ts": 'import "node:fs";' })).toEqual([]);
	});

	it("keeps Workers types at the Workers edge", () => {
		const text = 'import type { D1Database } from "@cloudflare/workers-types";';
		expect(about({ "db/a.ts": text })).toEqual(["db/a.ts: @cloudflare/workers-types belongs to the Workers edge"]);
		expect(about({ "db/a.ts": '/// <reference types="@cloudflare/workers-types" />' })).toHaveLength(1);
		expect(about({ "worker/a.ts": text })).toEqual([]);
	});

	it("refuses re-exports, computed imports and rooms nobody planned", () => {
		expect(about({ "db/index.ts": 'export { x } from "./x.ts";', "db/x.ts": "" })).toEqual([
			"db/index.ts: re-exports; import from where it is made",
		]);
		expect(about({ "db/index.ts": 'export * from "./x.ts";', "db/x.ts": "" })).toHaveLength(1);
		expect(about({ "core/a.ts": "const x = await import(name);" })).toEqual(["core/a.ts: a computed import"]);
		expect(about({ "utils/a.ts": "" })).toEqual(["utils/a.ts: the room utils has no place in the layers"]);
	});
});
