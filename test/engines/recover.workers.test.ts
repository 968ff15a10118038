import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openD1 } from "../../src/worker/d1.ts";
import { exhausted, QUIET, recovered, sent, shown, statesOf } from "../suite/gateway/recover-tools.ts";
import { type EdgeWorld, openEdgeWorld } from "../support/edge.ts";
import { emptyD1 } from "../support/workers/d1.ts";

describe("a recovery at the edge", () => {
	let world: EdgeWorld;
	let id: string;
	beforeEach(async () => {
		await emptyD1();
		world = await openEdgeWorld(openD1(env.DB));
		({ id } = await world.endpoint(QUIET));
	});
	afterEach(() => world.close());
	const steps = () => world.queue.handed.filter(({ body }) => body.kind === "recovery").length;

	it("goes on by messages a second apart, without the sweep", async () => {
		const ids = await exhausted(world, id, 250);
		const said = await recovered(world, id);
		const began = world.now();
		await world.pass(10_000);
		expect(await shown(world, said)).toMatchObject({ state: "finished", recovered: 250 });
		expect([sent(world).length, new Set(sent(world)).size, steps()]).toEqual([ids.length, ids.length, 2]);
		expect(world.callbacks.at(-1)!.atMs - began).toBe(2000);
		expect(world.lines.filter(({ what }) => what === "sweep.finished")).toEqual([]);
	});

	it("whose message was lost is found by the minute's sweep, and one that came twice makes no second chain", async () => {
		await exhausted(world, id, 350);
		const said = await recovered(world, id);
		world.queue.spoil = (messages) => messages.filter(({ body }) => body.kind !== "recovery");
		await world.pass(20_000);
		expect(await shown(world, said)).toMatchObject({ state: "running", recovered: 100 });
		world.queue.spoil = (messages) => messages.flatMap((one) => (one.body.kind === "recovery" ? [one, { ...one }] : [one]));
		await world.pass(60_000);
		expect([await shown(world, said), await statesOf(world, id)]).toMatchObject([
			{ state: "finished", recovered: 350 },
			{ delivered: 350 },
		]);
		expect(sent(world)).toHaveLength(350);
		expect(steps()).toBe(6); // three steps, each told twice
	});
});
