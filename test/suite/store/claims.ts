import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compileSql } from "../../../src/db/compile.ts";
import type { Db } from "../../../src/db/db.ts";
import { insertRow } from "../../../src/db/insert.ts";
import { jobs, lanes, submissions } from "../../../src/db/schema.ts";
import { submissionClaimer } from "../../../src/jobs/sql/work.ts";
import { pendingSubmission } from "../../../src/jobs/submission.ts";
import { pauseLane } from "../../../src/lanes/pause.ts";
import { deliveryClaimer } from "../../../src/outbound/sql.ts";
import { jobRow, KINDS, laneRow, type Ports, parents, ports } from "./rows.ts";

const NOW = 1_800_000_000_000;
const stateOf = compileSql<{ id: string }, { state: string; sentAt: number | null }>(
	["state", "sentAt"],
	(p) => sql`SELECT state, sent_at FROM ${submissions} WHERE id = ${p.id}`,
);
const openAgain = compileSql<{ lane: string }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${lanes} SET not_before = 0 WHERE id = ${p.lane} RETURNING id`,
);
const ids = (rows: { id: string }[]) => rows.map(({ id }) => id).sort((a, b) => a.localeCompare(b));

/** What a claimer takes, and what it leaves. */
export function claims(open: () => Promise<Db>): void {
	describe.each(Object.entries(KINDS))("a claim of %s", (_, kind) => {
		let deps: Ports;
		beforeEach(async () => {
			deps = ports(await open(), NOW);
			await deps.add(parents());
		});
		afterEach(() => deps.db.close());
		const rows = (lane: string, n: number, dueAt = NOW) => Array.from({ length: n }, (_, i) => kind.row(`${lane}${i}`, lane, dueAt + i));

		it("takes a lane's oldest due rows, at most its free slots, counted over all claimers", async () => {
			await deps.add([laneRow("a", 3), ...rows("a", 6, NOW - 5).reverse()]);
			const [one, other] = [kind.claimer(), kind.claimer()];
			const first = (await one.round(deps, 50)).rows;
			expect(ids(first)).toEqual(["a0", "a1", "a2"]);
			expect((await other.round(deps, 50)).rows).toEqual([]);
			expect(await deps.db.batch([kind.settle(first[0]!, NOW)])).toEqual([
				[{ id: first[0]!.id, ...(kind === KINDS.deliveries && { state: "delivered" }) }],
			]);
			expect(ids((await other.round(deps, 50)).rows)).toEqual(["a3"]);
			expect((await one.round(deps, 50)).rows).toEqual([]);
		});

		it("takes from a lane without a limit of its own as many as the setting says now", async () => {
			await deps.add([laneRow("a", null), ...rows("a", 9, NOW - 9)]);
			const at = (laneConcurrency: number) => ({ ...deps, config: { ...deps.config, laneConcurrency } });
			const claimer = kind.claimer();
			expect((await claimer.round(at(2), 50)).rows).toHaveLength(2);
			expect((await claimer.round(at(2), 50)).rows).toHaveLength(0);
			expect((await claimer.round(at(6), 50)).rows).toHaveLength(4);
			expect((await claimer.round(at(1), 50)).rows).toHaveLength(0);
		});

		it("leaves what is not due until the moment it is", async () => {
			await deps.add([laneRow("a", 3), ...rows("a", 2)]);
			const claimer = kind.claimer();
			expect(ids((await claimer.round(deps, 50)).rows)).toEqual(["a0"]);
			expect((await claimer.round(deps, 50)).rows).toEqual([]);
			deps.jump(1);
			expect(ids((await claimer.round(deps, 50)).rows)).toEqual(["a1"]);
		});

		it("never gives one row to two claimers that race", async () => {
			await deps.add(["a", "b", "c", "d"].flatMap((lane) => [laneRow(lane, 8), ...rows(lane, 12, NOW - 20)]));
			const rounds = await Promise.all(Array.from({ length: 5 }, () => kind.claimer().round(deps, 10)));
			const taken = rounds.flatMap(({ rows }) => rows);
			expect(new Set(ids(taken)).size).toBe(taken.length);
			for (const { rows } of rounds) expect(new Set(rows.map(({ claimId }) => claimId)).size).toBeLessThanOrEqual(1);
			for (const lane of ["a", "b", "c", "d"]) expect(taken.filter(({ laneId }) => laneId === lane).length).toBeLessThanOrEqual(8);
			expect(taken.length).toBeGreaterThanOrEqual(8); // one gets its ten; a lane that somebody holds is passed over
		});

		it("hides a row until its lease ends, and then gives it to whoever takes it from the dead", async () => {
			await deps.add([laneRow("a", 3), kind.row("a0", "a", NOW)]);
			const claimer = kind.claimer();
			const { rows } = await claimer.round(deps, 50);
			const { nextDueAt } = await claimer.round(deps, 50);
			expect(nextDueAt).toBeGreaterThan(NOW + deps.config.leaseMarginMs);
			deps.jump(nextDueAt! - NOW - 1);
			expect(await deps.db.read(kind.expired(deps.clock.now()))).toEqual([]);
			deps.jump(1);
			expect((await claimer.round(deps, 50)).rows).toEqual([]);
			expect(await deps.db.read(kind.expired(deps.clock.now()))).toMatchObject([{ id: "a0", claimId: rows[0]!.claimId }]);
			await deps.db.batch([kind.giveBack(rows[0]!, deps.clock.now())]);
			const again = (await claimer.round(deps, 50)).rows;
			expect(again).toMatchObject([{ id: "a0" }]);
			expect(again[0]!.claimId).not.toBe(rows[0]!.claimId);
		});

		it("is a fence: a write with an earlier claim does nothing", async () => {
			await deps.add([laneRow("a", 3), kind.row("a0", "a", NOW)]);
			const claimer = kind.claimer();
			const [old] = (await claimer.round(deps, 50)).rows;
			await deps.db.batch([kind.giveBack(old!, NOW)]);
			const [current] = (await claimer.round(deps, 50)).rows;
			expect(await deps.db.batch([kind.settle(old!, NOW), kind.giveBack(old!, NOW)])).toEqual([[], []]);
			expect((await kind.claimer().round(deps, 50)).rows).toEqual([]);
			expect((await deps.db.batch([kind.settle(current!, NOW)]))[0]).toHaveLength(1);
			expect((await deps.db.batch([kind.settle(current!, NOW)]))[0]).toEqual([]);
		});

		it("passes over a paused lane, which costs the others nothing, and takes it when the pause is over", async () => {
			const paused = { notBefore: NOW + 1000 };
			await deps.add([laneRow("a", 10, paused), laneRow("b", 10), ...rows("a", 20, NOW - 30), ...rows("b", 10, NOW - 10)]);
			const claimer = kind.claimer();
			const round = await claimer.round(deps, 10);
			expect(ids(round.rows)).toEqual(ids(rows("b", 10).map((_, i) => ({ id: `b${i}` }))));
			deps.jump(999);
			expect((await claimer.round(deps, 10)).rows).toEqual([]);
			deps.jump(1);
			expect((await claimer.round(deps, 10)).rows.map(({ laneId }) => laneId)).toEqual(Array(10).fill("a"));
			await deps.add([laneRow("c", 10, { notBefore: NOW * 2 }), ...rows("c", 2, NOW - 1)]);
			await deps.db.batch([openAgain.bind({ lane: "c" })]);
			expect((await claimer.round(deps, 10)).rows).toHaveLength(2);
		});

		it("heeds a pause that comes while it looks", async () => {
			await deps.add([laneRow("a", 10), ...rows("a", 3, NOW - 5)]);
			const { db } = deps;
			const pausing: Db = {
				...db,
				read: async (query) => {
					const seen = await db.read(query);
					await db.batch([pauseLane.bind({ lane: "a", until: NOW + 1, reason: "http_429" })]);
					return seen;
				},
			};
			expect((await kind.claimer().round({ ...deps, db: pausing }, 10)).rows).toEqual([]);
			deps.jump(1);
			expect((await kind.claimer().round(deps, 10)).rows).toHaveLength(3);
		});

		it("tells when the next row will be due: in a lane of its own, behind a due one, or at the end of a pause", async () => {
			const claimer = kind.claimer();
			expect(await claimer.round(deps, 50)).toEqual({ rows: [], nextDueAt: null });
			await deps.add([laneRow("c", 3), kind.row("c0", "c", NOW + 900)]);
			expect(await claimer.round(deps, 50)).toEqual({ rows: [], nextDueAt: NOW + 900 });
			await deps.add([laneRow("b", 3, { notBefore: NOW + 700 }), ...rows("b", 2, NOW - 5)]);
			expect(await claimer.round(deps, 50)).toEqual({ rows: [], nextDueAt: NOW + 700 });
			await deps.add([laneRow("d", 3), kind.row("d0", "d", NOW), kind.row("d1", "d", NOW + 300)]);
			expect(await claimer.round(deps, 50)).toMatchObject({ rows: [{ id: "d0" }], nextDueAt: NOW + 300 });
			await deps.add([laneRow("a", 3, { notBefore: NOW + 100 }), kind.row("a0", "a", NOW + 200)]);
			expect(await claimer.round(deps, 50)).toEqual({ rows: [], nextDueAt: NOW + 200 });
		});
	});

	describe("a claim", () => {
		let deps: Ports;
		beforeEach(async () => {
			deps = ports(await open(), NOW);
			await deps.add([...parents(), laneRow("a", 3)]);
		});
		afterEach(() => deps.db.close());

		it("marks a submission `sending` before it can leave, and leaves the state of one that is polled", async () => {
			const send = { id: "s", appId: "app", jobId: "sent", provider: "deapi", accountId: "deapi:default", type: "txt2img", n: 1, at: NOW };
			await deps.add([
				insertRow(jobs).bind(jobRow("sent")),
				insertRow(submissions).bind({ ...pendingSubmission(send), laneId: "a" }),
				KINDS.submissions.row("p", "a", NOW),
			]);
			const { rows } = await submissionClaimer().round(deps, 5);
			expect(new Set(rows.map(({ id, state, phase }) => `${id} ${state} ${phase}`))).toEqual(
				new Set(["p accepted poll", "s sending send"]),
			);
			expect(await deps.db.read(stateOf.bind({ id: "s" }))).toEqual([{ state: "sending", sentAt: NOW }]);
			expect(await deps.db.read(stateOf.bind({ id: "p" }))).toEqual([{ state: "accepted", sentAt: null }]);
		});

		it("counts the attempt of a delivery, also of one that was never settled", async () => {
			await deps.add([KINDS.deliveries.row("d", "a", NOW)]);
			const claimer = deliveryClaimer();
			const [first] = (await claimer.round(deps, 5)).rows;
			await deps.db.batch([KINDS.deliveries.giveBack(first!, NOW)]);
			const [second] = (await claimer.round(deps, 5)).rows;
			expect([first?.n, second?.n]).toEqual([1, 2]);
		});
	});
}
