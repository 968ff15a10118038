import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { openWorld, submitted, type World } from "../../support/world.ts";
import { finished } from "./callbacks.ts";
import { call, got, type Listed, pages } from "./calls.ts";
import { as, otherApp, refusalOf } from "./doors.ts";

export function events(open: () => Promise<Db>): void {
	describe("events", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());
		const list = async (query = "") => (await got<Listed>(world.request(`/v1/events${query && `?${query}`}`))).data;

		it("are listed, newest first, and read with the body that their callbacks carried", async () => {
			const job = await submitted(world);
			await world.pass(10_000);
			const rows = await list();
			expect(rows.map(({ type, revision, job: of }) => [type, revision, of])).toEqual([
				["job.completed", 2, job],
				["job.processing", 1, job],
			]);
			for (const { headers, body } of world.callbacks) {
				const id = headers["webhook-id"]!;
				const shown = await got(world.request(`/v1/events/${id}`));
				expect(shown).toEqual({ ...rows.find((row) => row.id === id), body: JSON.parse(body) as unknown });
				expect(await got(world.request(`/v1/events/${headers["x-deapi-delivery-id"]}`))).toEqual(shown);
			}
		});

		it("are filtered by type, by job and by time", async () => {
			const one = await submitted(world);
			await world.pass(60_000);
			const between = new Date(world.now()).toISOString();
			const two = await submitted(world);
			await world.pass(60_000);
			const all = await list();
			expect(all).toHaveLength(4);
			expect(await list("type=job.completed")).toEqual(all.filter(({ type }) => type === "job.completed"));
			expect(await list(`job=${two}`)).toEqual(all.slice(0, 2));
			expect(await list(`job=${one}&type=job.processing`)).toEqual(all.slice(3));
			expect(await list(`created_after=${between}`)).toEqual(all.slice(0, 2));
			expect(await list(`created_before=${between}`)).toEqual(all.slice(2));
			const at = all[2]!["created_at"] as string;
			expect(await list(`created_after=${at}&created_before=${between}`)).toEqual([all[2]]);
			expect(await list(`created_before=${at}`)).toEqual([all[3]]);
			expect(await list(`created_after=${at.replace("Z", "%2B00:00")}`)).toEqual(all.slice(0, 3));
			expect(await list("created_before=2026-01-15")).toEqual([]);
			expect(await list("created_after=2026-01-15")).toEqual(all);
			const filtered = await pages(world, `/v1/events?created_before=${between}&limit=1`);
			expect(filtered.map((page) => page.length)).toEqual([1, 1]);
			expect(filtered.flat()).toEqual(all.slice(2));
		});

		it.each([
			["type=job.done", "type"],
			["type=", "type"],
			["job=evt_019bc1112222733384445555666677ff", "job"],
			["created_after=yesterday", "created_after"],
			["created_after=2026-02-30", "created_after"],
			["created_before=1768473045", "created_before"],
			["created_before=2026-01-15T10:30:45", "created_before"],
			["limit=-1", "limit"],
			["cursor=ZXZ0Xw", "cursor"],
			["since=2026-01-15", "since"],
		])("refuse ?%s by the name of the parameter", async (query, field) => {
			const response = await world.request(`/v1/events?${query}`);
			expect([response.status, (await refusalOf(response)).details?.map((detail) => detail.field)]).toEqual([422, [field]]);
		});

		it("of another app are neither listed nor read", async () => {
			const job = await finished(world);
			const other = as((await otherApp(world)).key);
			const [event] = await list();
			for (const id of [event!.id, "evt_019bc1112222733384445555666677ff", "nonsense"]) {
				const response = await call(world, "GET", `/v1/events/${id}`, undefined, other);
				expect([response.status, (await refusalOf(response)).message]).toEqual([404, "this app has no event of that id"]);
			}
			for (const query of ["", `?job=${job}`])
				expect(await got<Listed>(world.request(`/v1/events${query}`, { headers: other }))).toEqual({ data: [], next_cursor: null });
		});
	});
}
