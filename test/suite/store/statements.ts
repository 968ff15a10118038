import { eq, sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compile, compileSql, q, type Slots } from "../../../src/db/compile.ts";
import type { Db } from "../../../src/db/db.ts";
import { insertRow, insertWhere } from "../../../src/db/insert.ts";
import { apps, endpoints, jobs } from "../../../src/db/schema.ts";
import { type App, appRow, idsOf, jobRow } from "./rows.ts";

const byBuilder = compile((p: Slots<{ id: string; name: string }>) =>
	q
		.select({
			first: sql<string>`${p.name}`.as("first"),
			at: apps.createdAt,
			again: sql<string>`${p.name}`.as("again"),
			text: apps.callbackSecret,
		})
		.from(apps)
		.where(eq(apps.id, p.id)),
);
const bySql = compileSql<{ id: string; name: string }, { first: string; at: number; again: string; text: string }>(
	["first", "at", "again", "text"],
	(p) => sql`SELECT ${p.name} AS a, created_at, ${p.name} AS b, callback_secret FROM ${apps} WHERE id = ${p.id}`,
);
const jobWithEndpoint = compile((p: Slots<{ id: string }>) =>
	q
		.select({
			job: jobs.id,
			metadata: jobs.metadata,
			endedAt: jobs.endedAt,
			revision: jobs.revision,
			endpoint: sql<string | null>`${endpoints.id}`.as("endpoint_id"),
			url: endpoints.url,
		})
		.from(jobs)
		.leftJoin(endpoints, eq(endpoints.appId, jobs.appId))
		.where(eq(jobs.id, p.id)),
);
const everything = compile((p: Slots<{ id: string }>) => q.select().from(jobs).where(eq(jobs.id, p.id)));
const setCreated = compile((p: Slots<{ id: string; at: number }>) =>
	q.update(apps).set({ createdAt: p.at }).where(eq(apps.id, p.id)).returning({ at: apps.createdAt }),
);
const insertJob = insertRow(jobs);
const childOf = insertWhere<typeof apps, { parent: string }>(apps, (p) => sql`FROM ${apps} WHERE id = ${p.parent}`);

const TEXTS = [
	"",
	'it\'s "quoted" \\ `; DROP TABLE apps; --',
	"line\r\nbreak\ttab",
	"🦊 e\u0301 \u202e \ufeff",
	"?1 :name $1 %s",
	"x".repeat(1_000_000),
];
const INTEGERS = [0, 1, -1, 2 ** 31, 2 ** 32 + 1, 1_900_000_000_000, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER];
const BAD = [undefined, Number.NaN, Number.POSITIVE_INFINITY, 1.5, 2 ** 53, true, 10n, new Date(0), {}];

export function statements(open: () => Promise<Db>): void {
	describe("a statement", () => {
		let db: Db;
		beforeEach(async () => {
			db = await open();
		});
		afterEach(() => db.close());

		it("takes its values by name, however often and in whatever order, from a builder and from SQL", async () => {
			await db.batch([appRow("a", { createdAt: 7 })]);
			const rows = [{ first: "x", at: 7, again: "x", text: "sealed" }];
			for (const stmt of [byBuilder, bySql]) {
				expect(await db.read(stmt.bind({ name: "x", id: "a" }))).toEqual(rows);
				expect(await db.batch([stmt.bind({ id: "a", name: "x" })])).toEqual([rows]);
			}
		});

		it("gives its rows by name, with null for what is not there", async () => {
			await db.batch([insertJob.bind(jobRow("job_1")), insertJob.bind(jobRow("job_2", { metadata: "{}", endedAt: 5, revision: 2 }))]);
			const nowhere = { endpoint: null, url: null };
			expect(await db.read(jobWithEndpoint.bind({ id: "job_1" }))).toEqual([
				{ job: "job_1", metadata: null, endedAt: null, revision: 0, ...nowhere },
			]);
			const [both] = await db.batch([jobWithEndpoint.bind({ id: "job_2" })]);
			expect(both).toEqual([{ job: "job_2", metadata: "{}", endedAt: 5, revision: 2, ...nowhere }]);
			expect(await db.read(jobWithEndpoint.bind({ id: "nobody" }))).toEqual([]);
		});

		it("is rendered at its first use, and once", async () => {
			let rendered = 0;
			const stmt = compileSql<{ id: string }, { id: string }>(["id"], (p) => {
				rendered++;
				return sql`SELECT id FROM ${apps} WHERE id = ${p.id}`;
			});
			expect(rendered).toBe(0);
			for (const id of ["a", "b"]) await db.read(stmt.bind({ id }));
			expect(rendered).toBe(1);
		});

		it("keeps text as it is", async () => {
			for (const [i, text] of TEXTS.entries()) {
				await db.batch([appRow(`a${i}`, { callbackSecret: text })]);
				for (const stmt of [byBuilder, bySql]) {
					const [row] = await db.read(stmt.bind({ id: `a${i}`, name: text.slice(0, 1000) }));
					expect(row?.text === text && row.first === text.slice(0, 1000), `text ${i}`).toBe(true);
				}
			}
		});

		it.each(INTEGERS)("keeps the integer %i", async (at) => {
			await db.batch([appRow("a", { createdAt: at })]);
			expect(await db.read(byBuilder.bind({ id: "a", name: "" }))).toMatchObject([{ at }]);
			expect(await db.batch([setCreated.bind({ id: "a", at: 3 }), setCreated.bind({ id: "a", at })])).toEqual([[{ at: 3 }], [{ at }]]);
		});

		it.each(BAD)("does not take %s for a value: it names the slot and writes nothing", async (bad) => {
			const at = bad as number;
			expect(() => setCreated.bind({ id: "a", at })).toThrow(
				new TypeError(`statement value at is ${String(bad)}: text, safe integer or null expected`),
			);
			expect(() => appRow("a", { createdAt: at })).toThrow(/^statement value createdAt is /);
			expect(await idsOf(db)).toEqual([]);
		});

		it("that inserts a row wants every column, and writes each under its own name", async () => {
			const row = jobRow("job_1", {
				appId: "a1",
				model: "m",
				state: "failed",
				errorCode: "c",
				errorMessage: "m'",
				startedAt: 8,
				endedAt: 9,
			});
			expect(await db.batch([insertJob.bind(row)])).toEqual([[{ inserted: 1 }]]);
			expect(await db.read(everything.bind({ id: "job_1" }))).toEqual([row]);
			const { webhookUrl: _, ...less } = jobRow("job_2");
			expect(() => insertJob.bind(less as typeof row)).toThrow(/^statement value webhookUrl is undefined/);
		});

		it("that inserts under a condition writes only where its guard finds something", async () => {
			const row: App = { id: "b", name: "b", callbackSecret: "sealed", oldSecrets: null, createdAt: 1 };
			expect(await db.batch([childOf.bind({ ...row, parent: "a" })])).toEqual([[]]);
			expect(await db.batch([appRow("a"), childOf.bind({ ...row, parent: "a" })])).toEqual([[{ inserted: 1 }], [{ inserted: 1 }]]);
			expect(await idsOf(db)).toEqual(["a", "b"]);
		});
	});
}
