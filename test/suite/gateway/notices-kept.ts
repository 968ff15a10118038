import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compileSql } from "../../../src/db/compile.ts";
import type { Db } from "../../../src/db/db.ts";
import { Retention } from "../../../src/retention.ts";
import { answer, openWorld, submitted, type World } from "../../support/world.ts";
import { BROKEN, happens, noticesOf, OPERATOR, operatorEndpoint } from "./notices-tools.ts";

const DAY = 86_400_000;
const rows = (table: "events" | "deliveries" | "attempts") =>
	compileSql<unknown, { rows: number }>(["rows"], () => sql`SELECT count(*) FROM ${sql.identifier(table)}`);

export function noticesKept(open: () => Promise<Db>): void {
	describe("notices that are old", () => {
		let world: World;
		let broken: string;
		beforeEach(async () => {
			world = await openWorld(await open(), { env: { RETAIN_JOBS_D: "10" } });
			broken = (await world.endpoint({ url: BROKEN, event_types: ["job.failed"] })).id;
		});
		afterEach(() => world.close());

		const counts = async () => {
			const all = (["events", "deliveries", "attempts"] as const).map((table) => world.deps.db.read(rows(table).bind({})));
			return (await Promise.all(all)).map(([row]) => Number(row!.rows));
		};
		async function sweep(): Promise<void> {
			const retention = new Retention(world.deps);
			while (!(await retention.stretch()));
		}

		it("go after as many days as jobs, with their deliveries and attempts; the body stays until then", async () => {
			for (const url of [OPERATOR, "https://second.example.com/"]) await operatorEndpoint(world, { url });
			for (const since of [1, 2]) await happens(world, "endpoint.failing", broken, since);
			await world.run();
			expect(await counts()).toEqual([2, 4, 4]);
			world.jump(10 * DAY - 1);
			await sweep();
			expect(await counts()).toEqual([2, 4, 4]);
			for (const { id } of await noticesOf(world, "endpoint.failing"))
				expect(await (await world.request(`/v1/events/${id}`)).json()).toMatchObject({ body: { id } });
			world.jump(1);
			await sweep();
			expect(await counts()).toEqual([0, 0, 0]);
		});

		it("stay while a delivery waits, and go when it has ended, many at once in short batches", async () => {
			const operator = await operatorEndpoint(world);
			await world.request(`/v1/endpoints/${operator.id}/disable`, { method: "POST" });
			for (let since = 1; since <= 300; since++) await happens(world, "endpoint.failing", broken, since);
			expect(await counts()).toEqual([300, 300, 0]);
			world.jump(11 * DAY);
			await sweep();
			expect(await counts()).toEqual([300, 300, 0]);
			await world.request(`/v1/endpoints/${operator.id}/enable`, { method: "POST" });
			await world.pass(120_000);
			expect(await counts()).toEqual([300, 300, 300]);
			await sweep();
			expect(await counts()).toEqual([0, 0, 0]);
		});

		it("take no event of a job along that waits as long", async () => {
			world.onCallback(() => answer(500));
			const job = await submitted(world);
			await world.pass(5000);
			const before = await counts();
			await happens(world, "endpoint.failing", broken);
			world.jump(11 * DAY);
			await sweep();
			expect(await counts()).toEqual(before);
			expect((await world.job(job)).state).toBe("completed");
		});
	});
}
