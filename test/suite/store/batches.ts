import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compile, compileSql, q, type Slots } from "../../../src/db/compile.ts";
import { ConstraintError, type Db } from "../../../src/db/db.ts";
import { insertRow, insertWhere } from "../../../src/db/insert.ts";
import { apps, keys } from "../../../src/db/schema.ts";
import { isUnavailable } from "../../../src/errors.ts";
import { appRow, idsOf } from "./rows.ts";

const count = compileSql<unknown, { n: number }>(["n"], () => sql`SELECT count(*) FROM ${apps}`);
const rename = compileSql<{ from: string; to: string }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${apps} SET name = ${p.to} WHERE name = ${p.from} RETURNING id`,
);
const renameSilently = compile((p: Slots<{ to: string }>) => q.update(apps).set({ name: p.to }));
const nameOf = compileSql<{ id: string }, { name: string }>(["name"], (p) => sql`SELECT name FROM ${apps} WHERE id = ${p.id}`);
const keyOfNamed = insertWhere<typeof keys, { owner: string }>(keys, (p) => sql`FROM ${apps} WHERE name = ${p.owner}`);
const key = { id: "key_1", appId: "a", name: "first", scopes: "admin", accountId: null, hash: "0f", createdAt: 1, revokedAt: null };
const ignored = insertRow(apps, { orIgnore: true });
const noName = (conflict: string) =>
	compileSql<{ id: string }, { id: string }>(
		["id"],
		(p) =>
			sql`INSERT INTO ${apps} (id, name, callback_secret, created_at) SELECT ${p.id}, NULL, 'x', 1 WHERE true ${sql.raw(conflict)} RETURNING id`,
	);
const wrong = compileSql<unknown, { id: string }>(["id"], () => sql`DELETE FROM no_such_table RETURNING id`);

const errorOf = (promise: Promise<unknown>) =>
	promise.then(
		() => null,
		(e: unknown) => e,
	);

export function batches(open: () => Promise<Db>): void {
	describe("a batch", () => {
		let db: Db;
		beforeEach(async () => {
			db = await open();
		});
		afterEach(() => db.close());

		it("runs in order, and each statement sees the rows of those before it", async () => {
			const results = await db.batch([
				count.bind({}),
				appRow("a"),
				count.bind({}),
				appRow("b"),
				rename.bind({ from: "b", to: "c" }),
				count.bind({}),
			]);
			expect(results).toEqual([[{ n: 0 }], [{ inserted: 1 }], [{ n: 1 }], [{ inserted: 1 }], [{ id: "b" }], [{ n: 2 }]]);
			expect(await idsOf(db)).toEqual(["a", "b"]);
		});

		it("of nothing is nothing, and a statement that returns nothing has no rows", async () => {
			expect(await db.batch([])).toEqual([]);
			expect(await db.batch([appRow("a"), renameSilently.bind({ to: "z" })])).toEqual([[{ inserted: 1 }], []]);
			expect(await db.read(nameOf.bind({ id: "a" }))).toEqual([{ name: "z" }]);
		});

		it("that a unique key refuses leaves nothing of itself, before or after the clash", async () => {
			await db.batch([appRow("a")]);
			const refused = db.batch([appRow("b"), rename.bind({ from: "a", to: "moved" }), appRow("c", { name: "moved" }), appRow("d")]);
			await expect(refused).rejects.toThrow(ConstraintError);
			expect(await idsOf(db)).toEqual(["a"]);
			expect(await db.read(nameOf.bind({ id: "a" }))).toEqual([{ name: "a" }]);
		});

		it("is refused by a clash of ids as by any other unique key", async () => {
			await db.batch([appRow("a")]);
			await expect(db.batch([appRow("a", { name: "other" })])).rejects.toThrow(ConstraintError);
			await expect(db.batch([appRow("b", { name: "a" })])).rejects.toThrow(ConstraintError);
		});

		it("that is wrong is told neither as a clash nor as trouble that passes, and leaves nothing", async () => {
			for (const bad of [wrong.bind({}), noName("").bind({ id: "b" })]) {
				const error = await errorOf(db.batch([appRow("a"), bad]));
				expect(error).toBeInstanceOf(Error);
				expect(error).not.toBeInstanceOf(ConstraintError);
				expect(isUnavailable(error)).toBe(false);
			}
			expect(await idsOf(db)).toEqual([]);
			await db.batch([appRow("a")]);
			expect(await idsOf(db)).toEqual(["a"]);
		});

		it("lets a later statement depend on a row of an earlier one", async () => {
			await db.batch([appRow("a")]);
			const moved = (from: string) => [rename.bind({ from, to: "fresh" }), keyOfNamed.bind({ ...key, owner: "fresh" })] as const;
			expect(await db.batch(moved("nobody"))).toEqual([[], []]);
			expect(await db.batch(moved("a"))).toEqual([[{ id: "a" }], [{ inserted: 1 }]]);
		});

		it("passes over a row that is there already where it says so, and says that it wrote none", async () => {
			const again = ignored.bind({ id: "b", name: "a", callbackSecret: "other", oldSecrets: null, createdAt: 2 });
			expect(await db.batch([appRow("a"), again, appRow("c")])).toEqual([[{ inserted: 1 }], [], [{ inserted: 1 }]]);
			expect(await idsOf(db)).toEqual(["a", "c"]);
		});

		it("hides nothing but a clash: a missing value is refused all the same", async () => {
			expect(await errorOf(db.batch([noName("ON CONFLICT DO NOTHING").bind({ id: "a" })]))).toBeInstanceOf(Error);
			expect(await idsOf(db)).toEqual([]);
		});

		it("is alone: of many that race for one guarded change exactly one makes it", async () => {
			await db.batch([appRow("a")]);
			const racing = Array.from({ length: 20 }, (_, i) =>
				db.batch([rename.bind({ from: "a", to: `winner ${i}` }), nameOf.bind({ id: "a" })]),
			);
			const results = await Promise.all(racing);
			const won = results.flatMap(([renamed], i) => (renamed.length > 0 ? [`winner ${i}`] : []));
			expect(won).toHaveLength(1);
			expect(await db.read(nameOf.bind({ id: "a" }))).toEqual([{ name: won[0] }]);
			for (const [, [seen]] of results) expect(["a", won[0]]).toContain(seen?.name);
		});

		it("that fails does not touch the ones that run beside it", async () => {
			await db.batch([appRow("taken")]);
			const racing = Array.from({ length: 12 }, (_, i) =>
				errorOf(db.batch([appRow(`row ${i}`), i % 3 === 1 ? appRow("taken") : count.bind({})])),
			);
			const errors = await Promise.all(racing);
			errors.forEach((error, i) => void (i % 3 === 1 ? expect(error).toBeInstanceOf(ConstraintError) : expect(error).toBeNull()));
			const expected = errors.flatMap((error, i) => (error === null ? [`row ${i}`] : []));
			expect(await idsOf(db)).toEqual([...expected, "taken"].sort());
		});
	});
}
