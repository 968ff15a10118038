import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compileSql } from "../../../src/db/compile.ts";
import type { Db } from "../../../src/db/db.ts";
import { deliveries as rows } from "../../../src/db/schema.ts";
import { answer, openWorld, RECEIVER, type World } from "../../support/world.ts";
import { allFinished, answers, attemptsOf, deliveryOf, finished, holdCallbacks, NO_URL } from "./callbacks.ts";
import { call, got, type Listed, pages, type Shown } from "./calls.ts";
import { as, otherApp, refusalOf } from "./doors.ts";
import { exhausted } from "./recover-tools.ts";

const ONE = { event_types: ["job.completed"] };
const JOB_URL = { webhook_events: ["job.completed"] };

const setState = compileSql<{ id: string; state: string }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${rows} SET state = ${p.state}, next_attempt_at = NULL WHERE id = ${p.id} RETURNING id`,
);
const ofNoJob = compileSql<{ id: string }, { id: string }>(
	["id"],
	(p) => sql`UPDATE ${rows} SET job_id = 'ep_019bc1112222733384445555666677ff' WHERE id = ${p.id} RETURNING id`,
);
/** As many delivered ones as said, made after this one. */
const copies = compileSql<{ id: string; most: number }, { id: string }>(
	["id"],
	(p) => sql`WITH RECURSIVE numbers(n) AS (SELECT 10001 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000 + CAST(${p.most} AS bigint))
		INSERT INTO ${rows} (id, app_id, job_id, event_id, event_type, target, state, lane_id, armed_at, created_at, ended_at)
		SELECT substr(id, 1, 16) || 'f' || substr(id, 18, 14) || n, app_id, job_id, event_id || n, event_type, target, 'delivered', lane_id, armed_at, created_at, created_at
		FROM ${rows}, numbers WHERE id = ${p.id}`,
);

/** Why a callback has not arrived, told over HTTP. */
export function deliveries(open: () => Promise<Db>): void {
	let world: World;
	const list = async (query = "") => (await got<Listed>(world.request(`/v1/deliveries${query && `?${query}`}`))).data;
	const iso = (ms: number) => new Date(ms).toISOString();

	describe("the list of deliveries", () => {
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		it("says of what has not arrived why, since when, and when it is sent next", async () => {
			const began = world.now();
			answers(world, [503, { "retry-after": "600" }, "tired"]);
			const job = await finished(world, JOB_URL);
			world.jump(250);
			await world.run();
			const { id, eventId } = await deliveryOf(world, job);
			const row = { id, job, event: eventId, event_type: "job.completed", target: "job", url: RECEIVER };
			const plan = { since: iso(began + 250), next_at: iso(began + 600_250), waits_for: "http_503", ended_at: null };
			expect(await list("status=undelivered")).toEqual([
				{ ...row, status: "pending", reason: "http_503", attempts: 1, created_at: iso(began), ...plan },
			]);
		});

		it("plans nothing before the lane opens that the receiver closed with an answer to another one", async () => {
			const [first, second] = await allFinished(world, 2, JOB_URL);
			const waiting = holdCallbacks(world);
			const round = world.run();
			await expect.poll(() => waiting.length).toBe(2);
			expect((await list()).map(({ next_at }) => next_at)).toEqual([null, null]); // under way
			waiting[0]!.settle(429, { "retry-after": "900" });
			await expect
				.poll(async () => (await list("status=pending")).filter(({ attempts, reason }) => attempts === 1 && reason).length)
				.toBe(1);
			waiting[1]!.settle(500);
			await round;
			const planned = [...(await list(`job=${first}`)), ...(await list(`job=${second}`))].map(({ next_at }) => next_at);
			expect(planned).toEqual([iso(world.now() + 900_000), iso(world.now() + 900_000)]);
			for (const job of [first, second]) {
				const told = (await world.timeline(job as string)).filter(({ kind }) => kind === "delivery");
				expect(told.map((entry) => entry["next_at"])).toEqual([iso(world.now() + 900_000)]);
			}
		});

		it("is filtered by status, by endpoint and by job, in any company", async () => {
			const { id: held } = await world.endpoint({ url: "https://held.example.com/", ...ONE });
			const { id: gone } = await world.endpoint({ url: "https://gone.example.com/", ...ONE });
			world.onCallback(({ url }) => answer(url === RECEIVER ? 200 : url.includes("gone") ? 400 : 500, abort(url)));
			const [one, two] = await allFinished(world, 2, JOB_URL);
			await world.run();
			await got(call(world, "POST", `/v1/endpoints/${held}/disable`));
			const all = await list();
			expect(all).toHaveLength(6);
			const by = (field: string, value: unknown) => all.filter((row) => row[field] === value);
			for (const status of ["pending", "delivered", "exhausted", "held", "stopped", "superseded"])
				expect(await list(`status=${status}`), status).toEqual(by("status", status));
			expect([by("status", "delivered"), by("status", "held"), by("status", "stopped")].map((rows) => rows.length)).toEqual([2, 2, 2]);
			expect(await list("status=undelivered")).toEqual(all.filter(({ status }) => status !== "delivered"));
			expect(await list(`endpoint=${held}`)).toEqual(by("target", held));
			expect(await list(`job=${one}`)).toEqual(by("job", one));
			expect(await list(`job=${two}&endpoint=${gone}&status=stopped`)).toEqual(by("job", two).filter(({ target }) => target === gone));
			expect(await list(`job=${two}&endpoint=${gone}&status=delivered`)).toEqual([]);
			expect(await list(`job=${one!.slice(4)}`)).toEqual(by("job", one));
		});
		const abort = (url: string): Record<string, string> => (url.includes("gone") ? { "webhook-delivery": "abort-message" } : {});

		it("goes page after page, newest first, and each delivery is on one of them", async () => {
			await allFinished(world, 3, JOB_URL);
			world.jump(1000);
			const between = new Date(world.now()).toISOString();
			await allFinished(world, 4, JOB_URL);
			expect((await list(`created_after=${between}`)).length).toBe(4);
			expect((await list(`created_before=${between}`)).length).toBe(3);
			const all = await pages(world, "/v1/deliveries?limit=3");
			expect(all.map((page) => page.length)).toEqual([3, 3, 1]);
			const ids = all.flat().map(({ id }) => id);
			expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => (a < b ? 1 : -1)));
		});

		it("merges what has not arrived of all states into one order, page after page", async () => {
			const { id: endpoint } = await world.endpoint(ONE);
			await allFinished(world, 12, NO_URL);
			const made = (await list()).map(({ id }) => id as string);
			const states = ["pending", "held", "exhausted", "delivered", "stopped", "superseded"];
			for (const [i, id] of made.entries()) await world.deps.db.batch([setState.bind({ id, state: states[i % 6] as string })]);
			const wanted = made.filter((_, i) => i % 6 !== 3 && i % 6 !== 5);
			for (const limit of [1, 3, 8, 100])
				for (const whose of ["", `&endpoint=${endpoint}`])
					for (const status of ["undelivered", ...states]) {
						const found = (await pages(world, `/v1/deliveries?status=${status}&limit=${limit}${whose}`)).flat().map(({ id }) => id);
						const expected = status === "undelivered" ? wanted : made.filter((_, i) => states[i % 6] === status);
						expect(found, `${status} ${limit} ${whose}`).toEqual(expected);
					}
		});

		it("tells nothing of another app's endpoint, whatever the state", async () => {
			await world.endpoint({ url: "https://ours.example.com/", ...ONE });
			await allFinished(world, 2, NO_URL);
			const other = as((await otherApp(world)).key);
			const [row] = await list();
			for (const status of ["", "&status=undelivered", "&status=pending", "&status=delivered"]) {
				const path = `/v1/deliveries?endpoint=${row!["target"]}${status}`;
				expect(await got<Listed>(world.request(path, { headers: other })), status).toEqual({ data: [], next_cursor: null });
			}
		});

		it("looks through 5,000 deliveries for a page of superseded ones, and says where it goes on", async () => {
			const { id: endpoint } = await world.endpoint(ONE);
			await finished(world, NO_URL);
			const [{ id } = { id: "" }] = (await list()) as { id: string }[];
			await world.deps.db.batch([copies.bind({ id, most: 5500 })]);
			await world.deps.db.batch([setState.bind({ id, state: "superseded" })]);
			for (const whose of ["", `&endpoint=${endpoint}`]) {
				const first = await got<Listed>(world.request(`/v1/deliveries?status=superseded${whose}`));
				expect(first).toEqual({ data: [], next_cursor: expect.any(String) });
				expect((await pages(world, `/v1/deliveries?status=superseded${whose}`)).map((page) => page.map((row) => row.id))).toEqual([
					[],
					[id],
				]);
				const full = await got<Listed>(world.request(`/v1/deliveries?status=delivered&limit=2${whose}`));
				expect(full.data).toHaveLength(2);
			}
			const other = as((await otherApp(world)).key);
			const theirs = world.request(`/v1/deliveries?status=superseded&endpoint=${endpoint}`, { headers: other });
			expect(await got<Listed>(theirs)).toEqual({ data: [], next_cursor: null });
		});

		it("of a state without an index leaves none out where others come between its reads", async () => {
			const { id } = await world.endpoint(ONE);
			const from = world.now() - 7_200_000;
			await exhausted(world, id, 4995, { from, over: { state: "superseded" } });
			const wanted = await exhausted(world, id, 20, { from: from - 1000, over: { state: "delivered" } });
			const real = world.deps.db;
			let reads = 0;
			world.deps.db = {
				...real,
				read: async (query) => {
					const rows = await real.read(query);
					if (/^SELECT r.id FROM|"page"|AS page/.test(query.stmt.sql) && ++reads === 2)
						await exhausted({ ...world, deps: { ...world.deps, db: real } }, id, 5, {
							from: world.now() - 5000,
							over: { state: "superseded" },
						});
					return rows;
				},
			};
			const seen = (await pages(world, "/v1/deliveries?status=delivered&limit=100")).flat().map((row) => row.id);
			world.deps.db = real;
			expect(reads).toBeGreaterThan(2);
			expect(new Set(seen)).toEqual(new Set(wanted));
		});

		it("names no job where the event is about none", async () => {
			const job = await finished(world, JOB_URL);
			const { id } = await deliveryOf(world, job);
			await world.deps.db.batch([ofNoJob.bind({ id })]);
			expect(await list()).toMatchObject([{ id, job: null, event_type: "job.completed" }]);
			expect(await got(world.request(`/v1/deliveries/${id}`))).toMatchObject({ id, job: null });
		});

		it("ends with a page that is just full", async () => {
			await allFinished(world, 2, JOB_URL);
			expect(await got<Listed>(world.request("/v1/deliveries?limit=2"))).toMatchObject({ data: [{}, {}], next_cursor: null });
		});

		it.each([
			["status=failed", "status"],
			["endpoint=job", "endpoint"],
			["endpoint=job_019bc1112222733384445555666677ff", "endpoint"],
			["job=1", "job"],
			["created_after=1", "created_after"],
			["limit=1000", "limit"],
			["cursor=%00", "cursor"],
			["state=held", "state"],
		])("refuses ?%s by the name of the parameter", async (query, field) => {
			const response = await world.request(`/v1/deliveries?${query}`);
			expect([response.status, (await refusalOf(response)).details?.map((detail) => detail.field)]).toEqual([422, [field]]);
		});
	});

	describe("a delivery that is read", () => {
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		it("comes with its attempts, each with reason, status, answer and next time", async () => {
			answers(world, [500, {}, "out of order"], [204]);
			const job = await finished(world, JOB_URL);
			await world.pass(60_000);
			const { id } = await deliveryOf(world, job);
			const [row] = await list();
			expect(row).toMatchObject({ status: "delivered", since: null, next_at: null });
			const shown = await got<Shown & { attempt_log: Shown[] }>(world.request(`/v1/deliveries/${id}`));
			const attempts = await attemptsOf(world, job);
			const { attempt_log, ...rest } = shown;
			expect(rest).toEqual(row);
			expect(attempt_log).toEqual([
				{
					...{ id: attempts[0]!.id, n: 1, outcome: "failed", reason: "http_500", status: 500, response: "out of order", duration_ms: 0 },
					...{ started_at: iso(attempts[0]!.startedAt), next_at: iso(attempts[0]!.startedAt + 5500) },
				},
				{
					...{ id: attempts[1]!.id, n: 2, outcome: "delivered", reason: "acknowledged", status: 204, response: "", duration_ms: 0 },
					...{ started_at: iso(attempts[0]!.startedAt + 5500), next_at: null },
				},
			]);
			const hyphens = id.replace(/^dlv_(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
			expect(await got(world.request(`/v1/deliveries/${hyphens}`))).toEqual(shown);
		});

		it("is another app's: 404 on every route, and it is not in that app's list", async () => {
			const { id } = await deliveryOf(world, await finished(world, JOB_URL));
			await world.endpoint({ url: "https://else.example.com/", ...ONE });
			const other = as((await otherApp(world)).key);
			for (const unknown of [id, "dlv_019bc1112222733384445555666677ff", "nonsense"])
				for (const [method, path] of [
					["GET", ""],
					["POST", "/retry"],
					["POST", "/replay"],
				] as const) {
					const response = await call(world, method, `/v1/deliveries/${unknown}${path}`, undefined, other);
					expect([response.status, (await refusalOf(response)).message]).toEqual([404, "this app has no delivery of that id"]);
				}
			expect(await got<Listed>(world.request("/v1/deliveries", { headers: other }))).toEqual({ data: [], next_cursor: null });
			expect(await deliveryOf(world, (await list())[0]!["job"] as string)).toMatchObject({ attempts: 0, reason: null });
		});

		it("of an endpoint that was deleted keeps its history", async () => {
			const { id: endpoint } = await world.endpoint({ ...ONE });
			const job = await finished(world, NO_URL);
			await world.run();
			await call(world, "DELETE", `/v1/endpoints/${endpoint}`);
			const [row] = await list(`endpoint=${endpoint}`);
			expect(row).toMatchObject({ job, target: endpoint, url: RECEIVER, status: "delivered" });
			expect(await got(world.request(`/v1/deliveries/${row!.id}`))).toMatchObject({ attempt_log: [{ n: 1, status: 200 }] });
		});
	});
}
