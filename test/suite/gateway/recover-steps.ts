import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { stepRecovery } from "../../../src/outbound/recover/step.ts";
import { openWorld, type World } from "../../support/world.ts";
import { call, got } from "./calls.ts";
import { exhausted, offTurn, QUIET, recovered, restLane, sent, shown, statesOf, waitingIn } from "./recover-tools.ts";
import { meet } from "./tools.ts";

export function recoverySteps(open: () => Promise<Db>): void {
	describe("the steps of a recovery", () => {
		let world: World;
		let id: string;
		beforeEach(async () => {
			world = await openWorld(await open());
			({ id } = await world.endpoint(QUIET));
		});
		afterEach(() => world.close());
		const other = async () => (await world.endpoint({ ...QUIET, url: "https://beside.example.com/" })).id;

		it("send a hundred a second, in the order in which they were made", async () => {
			const ids = await exhausted(world, id, 350);
			const began = world.now();
			const said = await recovered(world, id);
			await world.pass(10_000);
			expect(offTurn(world, ids)).toBeLessThan(10);
			const seconds = Map.groupBy(world.callbacks, ({ atMs }) => atMs - began);
			expect([...seconds].map(([ms, of]) => [ms, of.length])).toEqual([
				[0, 100],
				[1000, 100],
				[2000, 100],
				[3000, 50],
			]);
			expect(await shown(world, said)).toMatchObject({ state: "finished", total: 350, recovered: 350 });
			expect(world.lines.filter(({ what }) => what === "recovery.finished")).toHaveLength(1);
		});

		it("wait while as many are due already, and go on when their lane does", async () => {
			await exhausted(world, id, 400);
			await restLane(world, id, world.now() + 20_000);
			const said = await recovered(world, id);
			for (let second = 0; second < 19; second++) {
				await world.pass(1000);
				expect(await waitingIn(world, id)).toBeLessThanOrEqual(200);
			}
			expect(await shown(world, said)).toMatchObject({ state: "running", recovered: 100 });
			await world.pass(60_000);
			expect([await shown(world, said), await statesOf(world, id)]).toMatchObject([{ state: "finished" }, { delivered: 400 }]);
		});

		it("pass quickly over any number that nothing can be done for", async () => {
			await exhausted(world, id, 1100, { body: "", from: world.now() - 7_000_000 });
			const [last] = await exhausted(world, id, 1);
			expect(await recovered(world, id)).toMatchObject({ state: "finished", total: 1, recovered: 1 });
			await world.run();
			expect(sent(world)).toEqual([last]);
		});

		it("of two over the same range send each delivery once", async () => {
			await exhausted(world, id, 350);
			const [one, two] = [await recovered(world, id), await recovered(world, id)];
			await world.pass(20_000);
			expect([sent(world).length, new Set(sent(world)).size]).toEqual([350, 350]);
			const [first, second] = [await shown(world, one), await shown(world, two)];
			expect([first["state"], second["state"]]).toEqual(["finished", "finished"]);
			expect(Number(first["recovered"]) + Number(second["recovered"])).toBe(350);
		});

		it("of two endpoints go on side by side", async () => {
			const beside = await other();
			for (const endpoint of [id, beside]) await exhausted(world, endpoint, 250);
			const began = world.now();
			for (const endpoint of [id, beside]) await recovered(world, endpoint);
			await world.pass(2000);
			for (const endpoint of [id, beside]) expect(await statesOf(world, endpoint)).toEqual({ delivered: 250 });
			expect(world.callbacks.at(-1)!.atMs - began).toBe(2000);
		});

		it("go on after a restart where they stopped", async () => {
			const ids = await exhausted(world, id, 350);
			const said = await recovered(world, id);
			await world.pass(1000);
			world.restart();
			await world.pass(500);
			world.restart();
			await world.pass(10_000);
			expect(offTurn(world, ids)).toBeLessThan(10);
			expect(await shown(world, said)).toMatchObject({ state: "finished", recovered: 350 });
		});

		it.each([false, true])("that two processes do at the same moment are done once (the later one first: %s)", async (laterFirst) => {
			await exhausted(world, id, 350);
			const said = await recovered(world, id);
			await world.run();
			world.jump(1000);
			meet(world, laterFirst);
			const done = await Promise.all([stepRecovery(world.deps, said.id), stepRecovery(world.deps, said.id)]);
			expect(done.filter((due) => due.length > 0)).toHaveLength(1);
			expect(await shown(world, said)).toMatchObject({ recovered: 200 });
			expect(await waitingIn(world, id)).toBe(100);
			await world.pass(10_000);
			expect([sent(world).length, new Set(sent(world)).size]).toEqual([350, 350]);
		});

		it("come no sooner than a second after the last one, whoever asks for them", async () => {
			await exhausted(world, id, 250);
			const said = await recovered(world, id);
			await world.run();
			world.jump(999);
			expect(await stepRecovery(world.deps, said.id)).toEqual([]);
			expect(await shown(world, said)).toMatchObject({ recovered: 100 });
		});

		it("wait while the endpoint is disabled", async () => {
			await exhausted(world, id, 250);
			const said = await recovered(world, id);
			await got(call(world, "POST", `/v1/endpoints/${id}/disable`));
			await world.pass(3 * 60_000);
			expect([await shown(world, said), world.callbacks]).toMatchObject([{ state: "running", recovered: 100 }, []]);
			expect(await statesOf(world, id)).toEqual({ exhausted: 150, held: 100 });
			await got(call(world, "POST", `/v1/endpoints/${id}/enable`));
			await world.pass(2 * 60_000);
			expect([await shown(world, said), await statesOf(world, id)]).toMatchObject([
				{ state: "finished", recovered: 250 },
				{ delivered: 250 },
			]);
		});

		it("end when the endpoint is deleted", async () => {
			await exhausted(world, id, 250);
			const said = await recovered(world, id);
			await call(world, "DELETE", `/v1/endpoints/${id}`);
			await world.pass(5000);
			expect(await shown(world, said)).toMatchObject({ state: "canceled", recovered: 100, ended_at: expect.any(String) });
			expect([await statesOf(world, id), world.callbacks]).toEqual([{ exhausted: 150, stopped: 100 }, []]);
			const lines = world.lines.filter(({ what }) => what === "recovery.canceled");
			expect(lines).toMatchObject([
				{ level: "info", fields: { app: world.appId, recovery: said.id, endpoint: id, reason: "endpoint_deleted" } },
			]);
		});

		it("are taken again a second after the database refused one", async () => {
			await exhausted(world, id, 150);
			await recovered(world, id);
			await world.run();
			world.jump(1000);
			const real = world.deps.db;
			let refused = 0;
			world.deps.db = {
				...real,
				batch: (work) => {
					if (!work.some(({ stmt }) => stmt.sql.includes('UPDATE "recoveries"'))) return real.batch(work);
					refused++;
					return Promise.reject(new Error("refused"));
				},
			};
			const dueAt = await world.run();
			expect([refused > 0, dueAt]).toEqual([true, world.now() + 1000]);
			world.deps.db = real;
			await world.pass(1000);
			expect(await statesOf(world, id)).toEqual({ delivered: 150 });
		});
	});
}
