import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as work from "../../src/jobs/sql/work.ts";
import { Turns } from "../../src/lanes/turns.ts";
import * as outbound from "../../src/outbound/sql.ts";
import { HOT, type Named, oneOf, statements } from "../suite/plans.ts";
import { KINDS, laneRow, parents, ports } from "../suite/store/rows.ts";
import { freshSqlite } from "../support/sqlite.ts";

/** Passes over rows on purpose: claims under way are few, and so are lanes, where an account is in trouble. */
const MAY_SCAN: Record<string, RegExp> = {
	"expired claims of deliveries": /^SCAN deliveries USING INDEX deliveries_claimed$/,
	"expired claims of submissions": /^SCAN submissions USING INDEX submissions_claimed$/,
	pauseAccount: /^SCAN lanes$/,
};
/** A row made of values, or what another step of the same plan yields. */
const NO_TABLE = /^SCAN (CONSTANT ROW|of_\w+|bound|piece|found|ranked|due|walk|lap|first|seen|waiting|page|m|r|\(subquery-\d+\))$/;

describe("statements", () => {
	let db: ReturnType<typeof freshSqlite>;
	let found: ReadonlyMap<string, Named>;
	const planOf = (text: string) => {
		const slots = Array<null>(text.split("?").length - 1).fill(null);
		return (db.raw.prepare(`EXPLAIN QUERY PLAN ${text}`).all(slots) as { detail: string }[]).map(({ detail }) => detail);
	};
	const all = () => [...found].map(([text, { name }]) => ({ text, name, plan: planOf(text) }));

	beforeAll(async () => {
		db = freshSqlite();
		found = await statements(db, async ({ deps }) => {
			for (const turns of [new Turns(work.submissionWork), new Turns(outbound.deliveryWork)]) {
				for await (const ids of turns.due(deps)) expect(ids).toEqual([]);
				await turns.take(deps, "any");
				await turns.later(deps, "any");
				await turns.after(deps, { id: "any", laneId: "any" } as never);
			}
		});
	});
	afterAll(() => db.close());

	it.each(HOT)("find %s by index", (_, what, indexes) => {
		const plan = planOf(oneOf(found, what).stmt.sql).join("\n");
		for (const index of indexes) expect(plan).toContain(index);
	});

	it("pass over no table, and make no index of their own", () => {
		const slow = all().flatMap(({ name, plan }) =>
			plan
				.filter((step) => step.includes("AUTOMATIC") || (step.startsWith("SCAN") && !NO_TABLE.test(step)))
				.filter((step) => !MAY_SCAN[name]?.test(step))
				.map((step) => `${name}: ${step}`),
		);
		expect(slow).toEqual([]);
	});

	it("suit D1: at most 100 values, and no two columns of one name", () => {
		for (const { text, name } of all()) {
			const statement = db.raw.prepare(text);
			const columns = statement.reader ? statement.columns().map((column) => column.name) : [];
			expect(new Set(columns).size, name).toBe(columns.length);
			expect(text.split("?").length - 1, name).toBeLessThanOrEqual(100);
		}
	});

	it("that pass over a clash have one key besides the id that could clash", () => {
		const tables = [...found.keys()].flatMap((text) => (/ON CONFLICT DO NOTHING/i.test(text) ? [/INTO "(\w+)"/i.exec(text)![1]!] : []));
		expect(new Set(tables).size).toBeGreaterThan(4);
		for (const table of tables) {
			const keys = db.raw.pragma(`index_list(${table})`) as { name: string; unique: number }[];
			const columns = (key: string) => (db.raw.pragma(`index_info(${key})`) as { name: string }[]).map(({ name }) => name).join();
			const unique = keys.filter((key) => key.unique === 1).map((key) => columns(key.name));
			expect(unique.filter((key) => key !== "id").length, table).toBeLessThanOrEqual(1);
		}
	});

	it("claim what is due behind 20,000 due rows of a paused lane", async () => {
		const deps = ports(db, 1_900_000_000_000);
		const now = deps.clock.now();
		await deps.add([...parents(), laneRow("a paused", 10, { notBefore: now + 60_000 }), laneRow("b open", 10)]);
		await deps.add([KINDS.deliveries.row("first", "a paused", 0), KINDS.deliveries.row("due", "b open", now)]);
		const columns = db.raw.prepare("SELECT name FROM pragma_table_info('deliveries')").pluck().all() as string[];
		const copied = columns.map((column) => (column === "id" || column === "target" ? `${column} || n` : column));
		db.raw.exec(`WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT 20000)
			INSERT INTO deliveries SELECT ${copied.join()} FROM deliveries, numbers WHERE id = 'first'`);
		const { rows, nextDueAt } = await KINDS.deliveries.claimer().round(deps, 100);
		expect(rows).toMatchObject([{ id: "due" }]);
		expect(nextDueAt).toBe(now + 60_000);
	});
});
