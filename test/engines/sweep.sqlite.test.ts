import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Bound, Db } from "../../src/db/db.ts";
import { freshSqlite } from "../support/sqlite.ts";
import { openWorld, submitted, type World } from "../support/world.ts";

describe("a sweep in which something keeps breaking", () => {
	let db: ReturnType<typeof freshSqlite>;
	let world: World;
	/** Batches and reads that break, for as long as this is set. */
	let breaks: (bound: Bound<unknown>) => boolean;
	beforeEach(async () => {
		db = freshSqlite();
		breaks = () => false;
		const spoiled: Db = {
			...db,
			read: (query) => (breaks(query) ? Promise.reject(new Error("broken")) : db.read(query)),
			batch: (work) => (work.some((one) => breaks(one)) ? Promise.reject(new Error("broken")) : db.batch(work)),
		};
		world = await openWorld(spoiled);
	});
	afterEach(() => world.close());
	const errors = () => world.lines.flatMap(({ level, what, fields }) => (level === "error" ? [{ what, part: fields["part"] }] : []));

	it.each([
		["leases of submissions", /FROM "submissions"\s+WHERE claim_id IS NOT NULL AND next_attempt_at <=/],
		["leases of deliveries", /FROM "deliveries"\s+WHERE claim_id IS NOT NULL AND next_attempt_at <=/],
		["orphans", /FROM "receipts" r\s+JOIN/],
	])("goes on with its other parts and claims what is due, though its %s do", async (part, sql) => {
		const job = await submitted(world);
		breaks = ({ stmt }) => sql.test(stmt.sql);
		await world.pass(20_000);
		expect(await world.job(job)).toMatchObject({ state: "completed" });
		expect(errors()).toContainEqual({ what: "sweep.failed", part });
	});

	it("delivers, though no submission can be claimed", async () => {
		const job = await submitted(world);
		world.holdHooks(true);
		await world.pass(5000);
		for (const hook of world.held) await world.postHook(hook);
		breaks = ({ stmt }) => /WITH RECURSIVE walk.+"submissions"/s.test(stmt.sql);
		await world.run();
		expect((await world.timeline(job)).filter(({ kind }) => kind === "attempt").map(({ what }) => what)).toContain("delivered");
		expect(errors()).toContainEqual({ what: "sweep.failed", part: "claims of submissions" });
	});

	it("gives back the leases of all rows but the one", async () => {
		const jobs: string[] = [];
		for (let i = 0; i < 5; i++) jobs.push(await submitted(world));
		await world.claimAndDie();
		const [bad] = db.raw.prepare("SELECT id FROM submissions ORDER BY id LIMIT 1").pluck().all();
		world.jump(100_000);
		breaks = ({ stmt, params }) => /SET state = 'unknown'/.test(stmt.sql) && params.includes(bad as string);
		await world.run();
		expect(db.raw.prepare("SELECT count(*) FROM submissions WHERE state = 'unknown'").pluck().get()).toBe(4);
		expect(errors()).toHaveLength(1);
		breaks = () => false;
		await world.run();
		expect(db.raw.prepare("SELECT count(*) FROM submissions WHERE state = 'unknown'").pluck().get()).toBe(5);
	});
});
