import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { openWorld, submitted, type World } from "../../support/world.ts";
import { as, otherApp, post, refusalOf } from "./doors.ts";
import { EXAMPLES } from "./types-examples.ts";

interface Listed {
	data: Record<string, unknown>[];
	next_cursor: string | null;
}

export function jobList(open: () => Promise<Db>): void {
	describe("the list of jobs", () => {
		let world: World;
		/** Oldest first, an embedding that is done, two failed pictures, four that wait. */
		const jobs: string[] = [];
		let began: number;
		beforeAll(async () => {
			world = await openWorld(await open());
			began = world.now();
			jobs.length = 0;
			jobs.push(await submitted(world, { ...EXAMPLES["txt2embedding"], metadata: { a: 1 } }));
			await world.pass(5000);
			await world.knobs({ jobs: { failNext: 2 } });
			for (let i = 0; i < 2; i++) {
				jobs.push(await submitted(world));
				world.jump(1);
			}
			await world.pass(4998);
			for (let i = 0; i < 4; i++) {
				jobs.push(await submitted(world));
				world.jump(1000);
			}
			await post(world, "/v1/jobs", JSON.stringify({ ...EXAMPLES["transcribe"], provider: "deapi" }), as((await otherApp(world)).key));
		});
		afterAll(() => world.close());
		const list = async (query: string): Promise<Listed> => {
			const response = await world.request(`/v1/jobs${query}`);
			expect(response.status, query).toBe(200);
			return (await response.json()) as Listed;
		};
		const ids = async (query: string) => (await list(query)).data.map(({ id }) => id);
		const newest = (...places: number[]) => places.map((place) => jobs[place]);
		const at = (ms: number) => new Date(began + ms).toISOString();

		it("shows an app's own, newest first, as they are read but for the input", async () => {
			const { data, next_cursor } = await list("");
			expect(next_cursor).toBe(null);
			expect(data.map(({ id }) => id)).toEqual(jobs.toReversed());
			const { input, ...job } = await world.job(jobs[0]!);
			expect(input).toBeDefined();
			expect(data.at(-1)).toEqual(job);
		});

		it("comes in pages that follow each other without a gap, also while jobs are added", async () => {
			const first = await list("?limit=3");
			expect(first.data.map(({ id }) => id)).toEqual(newest(6, 5, 4));
			const second = await list(`?limit=3&cursor=${first.next_cursor}`);
			expect(second.data.map(({ id }) => id)).toEqual(newest(3, 2, 1));
			const third = await list(`?limit=3&cursor=${second.next_cursor}`);
			expect([third.data.map(({ id }) => id), third.next_cursor]).toEqual([newest(0), null]);
		});

		it.each([
			["?state=queued", [6, 5, 4, 3]],
			["?state=failed", [2, 1]],
			["?state=failed&limit=1", [2]],
			["?state=canceled", []],
			["?type=txt2embedding", [0]],
			["?type=transcribe", []],
			["?provider=deapi&type=txt2img&state=failed", [2, 1]],
		])("%s shows these alone", async (query, expected) => {
			expect(await ids(query)).toEqual(newest(...expected));
		});

		it("is cut by the time they were made: from one time on, up to another", async () => {
			expect(await ids(`?created_after=${at(11_000)}`)).toEqual(newest(6, 5, 4));
			expect(await ids(`?created_before=${at(11_000)}`)).toEqual(newest(3, 2, 1, 0));
			expect(await ids(`?created_after=${at(5000)}&created_before=${at(11_000)}&state=queued`)).toEqual(newest(3));
			expect(await ids(`?created_after=${at(900_000)}`)).toEqual([]);
		});

		it.each([
			["state=done", "state"],
			["type=img2cake", "type"],
			["provider=acme", "provider"],
			["limit=0", "limit"],
			["limit=101", "limit"],
			["limit=ten", "limit"],
			["cursor=nonsense", "cursor"],
			["created_after=yesterday", "created_after"],
			["created_before=2026-13-01T00:00:00Z", "created_before"],
		])("by %s is refused by the name of the parameter", async (query, field) => {
			const response = await world.request(`/v1/jobs?${query}`);
			expect(response.status).toBe(422);
			expect((await refusalOf(response)).details).toEqual([{ field, message: expect.any(String) }]);
		});
	});
}
