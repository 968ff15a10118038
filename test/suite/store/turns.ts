import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { KINDS, laneRow, type Ports, parents, ports } from "./rows.ts";

const NOW = 1_800_000_000_000;
const kind = KINDS.deliveries;
const names = (n: number) => Array.from({ length: n }, (_, i) => `lane ${String(i).padStart(3, "0")}`);

/** How many rows of each lane were taken, as [times, lanes] pairs: `{ 3: 7 }` is seven lanes of which each gave three. */
const perLane = (taken: { laneId: string }[]) => {
	const count = new Map<string, number>();
	for (const { laneId } of taken) count.set(laneId, (count.get(laneId) ?? 0) + 1);
	const shares: Record<number, number> = {};
	for (const n of count.values()) shares[n] = (shares[n] ?? 0) + 1;
	return shares;
};

/** Lanes in turn. */
export function turns(open: () => Promise<Db>): void {
	describe("lanes", () => {
		let deps: Ports;
		beforeEach(async () => {
			deps = ports(await open(), NOW);
			await deps.add(parents());
		});
		afterEach(() => deps.db.close());
		const fill = (lanes: string[], rows: number, maxInFlight = 100) =>
			deps.add(
				lanes.flatMap((lane) => [
					laneRow(lane, maxInFlight),
					...Array.from({ length: rows }, (_, i) => kind.row(`${lane} row ${i}`, lane, NOW - rows + i)),
				]),
			);
		const rounds = async (times: number, room: number) => {
			const claimer = kind.claimer();
			const taken: { laneId: string }[] = [];
			for (let i = 0; i < times; i++) {
				const { rows } = await claimer.round(deps, room);
				expect(rows.length).toBeLessThanOrEqual(room);
				taken.push(...rows);
			}
			return taken;
		};

		it("share the room of one round", async () => {
			await fill(names(4), 30);
			expect(perLane(await rounds(1, 40))).toEqual({ 10: 4 });
		});

		it("are served one after the other where there is room for one", async () => {
			await fill(names(5), 20);
			const taken = await rounds(15, 1);
			expect(taken.map(({ laneId }) => laneId)).toEqual([...names(5), ...names(5), ...names(5)]);
		});

		it("get the same share over many short rounds, wherever their names stand", async () => {
			await fill(names(7), 40);
			expect(perLane(await rounds(70, 3))).toEqual({ 30: 7 });
		});

		it("are served by the hundreds in one round", async () => {
			await fill(names(250), 1);
			expect(await rounds(1, 500)).toHaveLength(250);
		});

		it("of more than one walk get their turn too where room is short", async () => {
			await fill(names(250), 2);
			expect(perLane(await rounds(5, 50))).toEqual({ 1: 250 });
		});

		it.each([99, 100, 101, 200])("are looked at once a round: %i of them", async (n) => {
			await fill(names(n), 1, 0);
			const claimer = kind.claimer();
			await claimer.round(deps, 50);
			let looks = 0;
			const { db } = deps;
			const counting: Db = {
				...db,
				read: (query) => {
					looks++;
					return db.read(query);
				},
			};
			await claimer.round({ ...deps, db: counting }, 50);
			expect(looks).toBeLessThanOrEqual(Math.ceil(n / 100) + 1);
		});

		it("of which one round does not see all are due now until the lap is done, and then not before the first of them is", async () => {
			const n = 2_150;
			await deps.add(names(n).flatMap((name) => [laneRow(name, 1, { notBefore: NOW + 60_000 }), kind.row(name, name, NOW)]));
			await fill(["z"], 1);
			const claimer = kind.claimer();
			expect(await claimer.round(deps, 10)).toEqual({ rows: [], nextDueAt: NOW });
			expect(await claimer.round(deps, 10)).toMatchObject({ rows: [{ laneId: "z" }], nextDueAt: NOW + 60_000 });
		});

		it("that have no free slot, or are paused, do not stand in the way of those behind them", async () => {
			await fill(names(120), 1, 0);
			await deps.add(
				names(120).flatMap((name) => [laneRow(`m ${name}`, 5, { notBefore: NOW + 60_000 }), kind.row(`m ${name}`, `m ${name}`, NOW)]),
			);
			await fill(["z"], 5);
			expect(await rounds(1, 2)).toHaveLength(2);
		});
	});
}
