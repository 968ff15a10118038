import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { answer, openWorld, type World } from "../../support/world.ts";
import { allFinished, answers, NO_URL } from "./callbacks.ts";
import { call, got, pages } from "./calls.ts";
import { as, otherApp, refusalOf, rowCount } from "./doors.ts";
import { recoverySteps } from "./recover-steps.ts";
import { exhausted, HOUR, QUIET, recover, recovered, rowOf, sent, shown, statesOf } from "./recover-tools.ts";
import { accepted, hook, told } from "./tools.ts";

export function recoveries(open: () => Promise<Db>): void {
	describe("a recovery", () => {
		let world: World;
		let id: string;
		beforeEach(async () => {
			world = await openWorld(await open());
			({ id } = await world.endpoint(QUIET));
		});
		afterEach(() => world.close());
		const at = (ms: number) => new Date(ms).toISOString();

		const view = () => got(world.request(`/v1/endpoints/${id}`));

		it("takes deliveries made at `since` or later and before `until`", async () => {
			const from = world.now() - HOUR;
			const ids = await exhausted(world, id, 5, { from });
			const said = await recovered(world, id, { since: at(from + 1), until: at(from + 4) });
			expect(said).toMatchObject({ endpoint: id, state: "finished", since: at(from + 1), until: at(from + 4), total: 3, recovered: 3 });
			await world.run();
			expect(sent(world).toSorted()).toEqual(ids.slice(1, 4));
			expect(await statesOf(world, id)).toEqual({ exhausted: 2, delivered: 3 });
		});

		it("takes what is exhausted, stopped or waits after a failure, and leaves the rest as it is", async () => {
			const now = world.now();
			const far = { state: "pending" as const, nextAttemptAt: now + HOUR, endedAt: null };
			const [dead] = await exhausted(world, id, 1);
			const [stopped] = await exhausted(world, id, 1, { over: { state: "stopped" } });
			const [late] = await exhausted(world, id, 1, { over: { ...far, failures: 3 } });
			const others = [
				{ ...far, failures: 0 },
				{ ...far, failures: 3, claimId: "claim", claimedAt: now },
				{ state: "delivered" as const },
				{ state: "superseded" as const },
				{ state: "held" as const, endedAt: null },
				{ state: "stopped" as const, reason: "receiver_aborted" },
			];
			const left = [];
			for (const over of others) left.push((await exhausted(world, id, 1, { over }))[0]!);
			const before = await Promise.all(left.map((one) => rowOf(world, one)));
			expect(await recovered(world, id)).toMatchObject({ total: 3, recovered: 3, state: "finished", ended_at: at(now) });
			for (const one of [dead, stopped, late])
				expect(await rowOf(world, one!)).toMatchObject({ state: "pending", reason: "recovered", failures: 0, armedAt: now, endedAt: null });
			expect(await Promise.all(left.map((one) => rowOf(world, one)))).toEqual(before);
			await world.run();
			expect(new Set(sent(world))).toEqual(new Set([dead, stopped, late]));
		});

		it("leaves news of a job's way that its end has overtaken", async () => {
			await got(call(world, "PATCH", `/v1/endpoints/${id}`, { event_types: ["job.processing"], retry_schedule: [1] }));
			answers(world, 500);
			world.holdHooks(true);
			const { job, url, providerJob } = await accepted(world, NO_URL);
			await told(world, hook(world, { url, providerJob, event: "job.processing" }));
			await world.pass(5000);
			expect(await statesOf(world, id)).toEqual({ exhausted: 1 });
			const since = { since: at(world.now() - HOUR), dry_run: true };
			expect(await recovered(world, id, since)).toMatchObject({ total: 1 });
			await told(world, hook(world, { url, providerJob, event: "job.completed" }));
			expect(await world.job(job)).toMatchObject({ state: "completed" });
			expect(await recovered(world, id, since)).toMatchObject({ total: 0 });
		});

		it("ends the rest of a receiver that failed, and not the pause that one asked for", async () => {
			await got(call(world, "PATCH", `/v1/endpoints/${id}`, { event_types: ["job.completed"] }));
			world.onCallback(() => answer(500));
			await allFinished(world, 12, NO_URL);
			await world.pass(20_000);
			expect((await view())["pause_reason"]).toBe("breaker_open");
			world.onCallback(() => answer(200));
			const tried = world.callbacks.length;
			await recovered(world, id);
			expect(await view()).toMatchObject({ paused_until: null, pause_reason: null });
			await world.run();
			expect(world.callbacks.length - tried).toBe(12);
			world.onCallback(() => answer(429, { "retry-after": "600" }));
			await allFinished(world, 1, NO_URL);
			await world.run();
			await recovered(world, id);
			expect((await view())["pause_reason"]).toBe("http_429");
		});

		it("gives each a whole budget again, and numbers its attempts on", async () => {
			const [one] = await exhausted(world, id, 1);
			answers(world, 500, 200);
			await recovered(world, id);
			await world.pass(60_000);
			expect(world.callbacks.map(({ headers }) => headers["jobhook-attempt"])).toEqual(["13", "14"]);
			expect(await rowOf(world, one!)).toMatchObject({ state: "delivered", attempts: 14, failures: 1 });
		});

		it("neither counts nor sends what has lost its body", async () => {
			const gone = await exhausted(world, id, 2, { body: "" });
			const kept = await exhausted(world, id, 1);
			expect(await recovered(world, id)).toMatchObject({ total: 1, recovered: 1 });
			await world.run();
			expect(sent(world)).toEqual(kept);
			expect(await rowOf(world, gone[0]!)).toMatchObject({ state: "exhausted", reason: "http_500" });
		});

		it("that is tried dry tells the number and writes nothing", async () => {
			const from = world.now() - HOUR;
			await exhausted(world, id, 3456, { from });
			const before = await rowCount(world.deps.db);
			const response = await recover(world, id, { since: at(from), dry_run: true });
			expect([response.status, await response.json()]).toEqual([
				200,
				{ endpoint: id, since: at(from), until: at(world.now()), total: 3456 },
			]);
			await world.pass(5000);
			expect([await rowCount(world.deps.db), await statesOf(world, id), world.callbacks]).toEqual([before, { exhausted: 3456 }, []]);
		});

		it("of nothing is over at once", async () => {
			const response = await recover(world, id);
			expect(response.status).toBe(202);
			const said = (await response.json()) as { id: string };
			expect(said).toMatchObject({ state: "finished", total: 0, recovered: 0, ended_at: at(world.now()) });
			expect(await shown(world, { ...said, endpoint: id })).toEqual(said);
		});

		it.each([
			["no time", {}, "since"],
			["a time that is none", { since: "yesterday" }, "since"],
			["a time ahead", { since: "2199-01-01T00:00:00Z" }, "since"],
			["an end that is none", { since: "2026-01-01", until: 5 }, "until"],
			["an end before the beginning", { since: "2026-01-02", until: "2026-01-01" }, "since"],
			["a dry run that is neither", { since: "2026-01-01", dry_run: "yes" }, "dry_run"],
			["a field that does not exist", { since: "2026-01-01", from: "2026-01-01" }, "from"],
		])("asked for with %s is refused, naming the field, and writes nothing", async (_, body, field) => {
			const before = await rowCount(world.deps.db);
			const response = await recover(world, id, body);
			expect([response.status, (await refusalOf(response)).details]).toEqual([422, [{ field, message: expect.any(String) }]]);
			expect(await rowCount(world.deps.db)).toBe(before);
		});

		it("is not for an endpoint that is disabled, deleted, another app's or none at all", async () => {
			await exhausted(world, id, 1);
			const other = await otherApp(world);
			const body = { since: "2026-01-01" };
			const said = await recovered(world, id, body);
			for (const dry_run of [true, false]) {
				const theirs = await call(world, "POST", `/v1/endpoints/${id}/recover`, { ...body, dry_run }, as(other.key));
				expect([theirs.status, (await refusalOf(theirs)).code]).toEqual([404, "not_found"]);
			}
			for (const path of [`/v1/endpoints/${id}/recoveries`, `/v1/endpoints/${id}/recoveries/${said.id}`])
				expect((await world.request(path, { headers: as(other.key) })).status).toBe(404);
			const cancel = `/v1/endpoints/${id}/recoveries/${said.id}/cancel`;
			expect((await call(world, "POST", cancel, undefined, as(other.key))).status).toBe(404);
			expect((await recover(world, "ep_00000000000000000000000000000000", body)).status).toBe(404);
			expect((await recover(world, "nothing", body)).status).toBe(404);
			await got(call(world, "POST", `/v1/endpoints/${id}/disable`));
			for (const dry_run of [true, false]) {
				const refused = await recover(world, id, { ...body, dry_run });
				expect([refused.status, await refusalOf(refused)]).toEqual([
					409,
					expect.objectContaining({ code: "not_possible", message: expect.stringContaining("enable") }),
				]);
			}
			await call(world, "DELETE", `/v1/endpoints/${id}`);
			expect((await recover(world, id, body)).status).toBe(404);
		});

		it("is listed with the others of its endpoint, newest first, page by page", async () => {
			const { id: beside } = await world.endpoint({ ...QUIET, url: "https://beside.example.com/" });
			const made = [];
			for (const endpoint of [id, beside, id, id]) {
				made.push(await recovered(world, endpoint));
				world.jump(1);
			}
			const listed = await pages(world, `/v1/endpoints/${id}/recoveries?limit=2`);
			expect(listed).toEqual([[made[3], made[2]], [made[0]]]);
		});

		it("that is canceled takes no further step; what was due again arrives", async () => {
			await exhausted(world, id, 250);
			const said = await recovered(world, id);
			expect(said).toMatchObject({ state: "running", total: 250, recovered: 100, ended_at: null });
			const cancel = () => call(world, "POST", `/v1/endpoints/${id}/recoveries/${said.id}/cancel`);
			expect(await got(cancel())).toMatchObject({ state: "canceled", recovered: 100, ended_at: at(world.now()) });
			await world.pass(60_000);
			expect(await statesOf(world, id)).toEqual({ exhausted: 150, delivered: 100 });
			const again = await cancel();
			expect([again.status, await refusalOf(again)]).toMatchObject([
				409,
				{
					code: "already_ended",
					message: `this recovery has ended already; begin another one with POST /v1/endpoints/${id}/recover`,
				},
			]);
			expect((await call(world, "POST", `/v1/endpoints/${id}/recoveries/rec_00000000000000000000000000000000/cancel`)).status).toBe(404);
		});
	});

	recoverySteps(open);
}
