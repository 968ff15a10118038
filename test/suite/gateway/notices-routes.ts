import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createKey } from "../../../src/access/keys.ts";
import type { Db } from "../../../src/db/db.ts";
import { EVENT_TYPES } from "../../../src/jobs/job.ts";
import { NOTICE_TYPES } from "../../../src/outbound/notices/types.ts";
import { openWorld, type World } from "../../support/world.ts";
import { as, otherApp, post, refusalOf, rowCount } from "./doors.ts";
import { BROKEN, counters, happens, heard, noticesOf, operatorEndpoint } from "./notices-tools.ts";

export function noticesRoutes(open: () => Promise<Db>): void {
	describe("routes of the operator's notices", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		const change = (id: string, body: object, headers: Record<string, string> = {}) =>
			world.request(`/v1/endpoints/${id}`, {
				method: "PATCH",
				headers: { "content-type": "application/json", ...headers },
				body: JSON.stringify(body),
			});

		it("an endpoint without event types gets those of jobs alone; it may ask for notices, too", async () => {
			const made = (await world.endpoint()) as unknown as { id: string; event_types: string[] };
			expect(made.event_types).toEqual(EVENT_TYPES.toSorted());
			const changed = await change(made.id, { event_types: ["job.failed", ...NOTICE_TYPES] });
			expect([changed.status, ((await changed.json()) as typeof made).event_types]).toEqual([
				200,
				["job.failed", ...NOTICE_TYPES].toSorted(),
			]);
		});

		it.each(NOTICE_TYPES)("an endpoint of another app is not made or changed to get %s: the answer names the field", async (type) => {
			const headers = as((await otherApp(world)).key);
			const made = await post(world, "/v1/endpoints", JSON.stringify({ url: BROKEN }), headers);
			const { id } = (await made.json()) as { id: string };
			const before = await rowCount(world.deps.db);
			const event_types = ["job.failed", type];
			const refused = await Promise.all([
				post(world, "/v1/endpoints", JSON.stringify({ url: BROKEN, event_types }), headers),
				change(id, { event_types }, headers),
			]);
			for (const response of refused) {
				expect(response.status).toBe(422);
				expect(await refusalOf(response)).toMatchObject({
					code: "validation_failed",
					details: [{ field: "event_types.1", message: expect.stringContaining("only endpoints of the app default") }],
				});
			}
			expect(await rowCount(world.deps.db)).toBe(before);
		});

		it("counters name all of them, 0 where it never happened", async () => {
			expect(await counters(world)).toEqual(Object.fromEntries(NOTICE_TYPES.map((type) => [type, 0])));
			const { id } = await world.endpoint();
			for (const since of [1, 2, 3]) await happens(world, "endpoint.failing", id, since);
			expect(await counters(world)).toEqual({ ...Object.fromEntries(NOTICE_TYPES.map((type) => [type, 0])), "endpoint.failing": 3 });
		});

		it("counters are for admins of the app default alone", async () => {
			const reader = (await createKey(world.deps, world.appId, { name: "test", scopes: ["read", "submit"] })).key;
			for (const key of [reader, (await otherApp(world)).key])
				expect((await world.request("/v1/counters", { headers: as(key) })).status).toBe(403);
			expect((await world.request("/v1/counters", { headers: { authorization: "" } })).status).toBe(401);
		});

		it("events and deliveries of notices read like others, of no job, and one is sent once more on request", async () => {
			await operatorEndpoint(world);
			const { id } = await world.endpoint({ url: BROKEN });
			await happens(world, "endpoint.failing", id);
			await world.run();
			const [event, ...more] = await noticesOf(world, "endpoint.failing");
			expect([event, more]).toEqual([expect.objectContaining({ type: "endpoint.failing", job: null }), []]);
			expect(await (await world.request(`/v1/events/${event!.id}`)).json()).toMatchObject({
				body: { id: event!.id, data: { endpoint: id, url: "https://broken.example.com/hooks", failures: 7 } },
			});
			const { data } = (await (await world.request("/v1/deliveries")).json()) as { data: Record<string, string | null>[] };
			expect(data).toMatchObject([{ event: event!.id, job: null, status: "delivered" }]);
			expect((await world.request(`/v1/deliveries/${data[0]!["id"]}/replay`, { method: "POST" })).status).toBe(200);
			await world.run();
			expect(heard(world)).toEqual(["endpoint.failing", "endpoint.failing"]);
			expect(new Set(world.callbacks.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
		});
	});
}
