import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compileSql } from "../../../src/db/compile.ts";
import type { Db } from "../../../src/db/db.ts";
import { answer, openWorld, RECEIVER, submitted, type World } from "../../support/world.ts";
import { accepted, deliveriesOf, eventsOf, hook, receipts, told } from "./tools.ts";

const A = "https://a.example.com/";
const B = "https://b.example.com/";
const broken = compileSql(["id"], () => sql`DELETE FROM no_such_table RETURNING id`);

export function fanout(open: () => Promise<Db>): void {
	describe("fan-out of an event", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());
		const heard = (url: string) => world.callbacks.filter((call) => call.url === url).map(({ headers }) => headers["x-deapi-event"]);

		it("makes one delivery for each endpoint and one for the job's own URL", async () => {
			const [a, b] = [await world.endpoint({ url: A }), await world.endpoint({ url: B })];
			const taken = await accepted(world);
			await told(world, hook(world, { ...taken, event: "job.completed" }));
			const made = await deliveriesOf(world, taken.job);
			expect(made.map(({ target }) => target).toSorted()).toEqual([a.id, b.id, "job"].toSorted());
			expect(new Set(made.map(({ id }) => id)).size).toBe(3);
			await world.run();
			for (const url of [A, B, RECEIVER]) expect(heard(url)).toEqual(["job.completed"]);
		});

		it("is there as soon as the hook is acknowledged, and not at all where it is not", async () => {
			const taken = await accepted(world);
			const post = hook(world, { ...taken, event: "job.completed" });
			const real = world.deps.db;
			// the batch breaks behind its last statement
			world.deps.db = { ...real, batch: (work) => real.batch([...work, broken.bind({})] as unknown as typeof work) };
			expect((await world.postHook(post)).status).toBe(500);
			world.deps.db = real;
			expect([await deliveriesOf(world, taken.job), await eventsOf(world, taken.job), await receipts(world)]).toEqual([[], [], []]);
			expect(await told(world, post)).toBe("200 applied");
			expect(await deliveriesOf(world, taken.job)).toMatchObject([{ target: "job", state: "pending", nextAttemptAt: world.now() }]);
		});

		it("tells a URL once that is an endpoint's and the job's own", async () => {
			const { id } = await world.endpoint({ url: RECEIVER });
			const job = await submitted(world);
			await world.pass(5000);
			expect((await deliveriesOf(world, job)).map(({ target }) => target)).toEqual([id, id]);
			expect(heard(RECEIVER)).toEqual(["job.processing", "job.completed"]);
		});

		it("tells such a URL once under the job's own secret where it brought one", async () => {
			await world.endpoint({ url: RECEIVER });
			const job = await submitted(world, { webhook_secret: "s".repeat(32) });
			await world.pass(5000);
			expect((await deliveriesOf(world, job)).map(({ target }) => target)).toEqual(["job", "job"]);
		});

		it("tells such a URL by the job where the endpoint does not want the event", async () => {
			const { id } = await world.endpoint({ url: RECEIVER, event_types: ["job.completed"] });
			const job = await submitted(world);
			await world.pass(5000);
			expect((await deliveriesOf(world, job)).map(({ target, eventType }) => [target, eventType])).toEqual([
				["job", "job.processing"],
				[id, "job.completed"],
			]);
		});

		it("goes to the job's URL only for the events it asked for", async () => {
			const job = await submitted(world, { webhook_events: ["job.completed"] });
			await world.pass(5000);
			expect(await eventsOf(world, job)).toEqual(["1 job.processing", "2 job.completed"]);
			expect(heard(RECEIVER)).toEqual(["job.completed"]);
		});

		it("goes to an endpoint only for the types it subscribed to", async () => {
			await world.endpoint({ url: A, event_types: ["job.failed"] });
			await world.endpoint({ url: B, event_types: ["job.completed", "job.processing"] });
			await world.knobs({ jobs: { failNext: 1 } });
			await submitted(world);
			await world.pass(5000);
			expect([heard(A), heard(B)]).toEqual([["job.failed"], ["job.processing"]]);
		});

		it("sends every target the same bytes, rendered once, with the revision in them", async () => {
			await world.endpoint({ url: A });
			const job = await submitted(world, { metadata: { order: 7, text: "a/b — ü" } });
			let refusals = 3;
			world.onCallback(() => (refusals-- > 0 ? answer(500) : answer(200)));
			await world.pass(60_000);
			for (const [event, revision] of [
				["job.processing", 1],
				["job.completed", 2],
			] as const) {
				const calls = world.callbacks.filter(({ headers }) => headers["x-deapi-event"] === event);
				expect(calls.length).toBeGreaterThanOrEqual(2);
				expect(new Set(calls.map(({ body }) => body)).size).toBe(1);
				expect(new Set(calls.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
				const { data } = JSON.parse(calls[0]!.body) as { data: { job: Record<string, unknown> } };
				expect(data.job).toMatchObject({ id: job, revision, metadata: { order: 7, text: "a/b — ü" } });
			}
		});

		it("gives up the news of a job's way once its end is recorded, where nobody took it", async () => {
			let up = false;
			world.onCallback(() => answer(up ? 200 : 500));
			const taken = await accepted(world);
			await told(world, hook(world, { ...taken, event: "job.processing" }));
			await world.run();
			world.jump(1);
			await told(world, hook(world, { ...taken, event: "job.completed" }));
			expect(await deliveriesOf(world, taken.job)).toMatchObject([
				{ eventType: "job.processing", state: "superseded", nextAttemptAt: null },
				{ eventType: "job.completed", state: "pending" },
			]);
			up = true;
			world.holdHooks(true);
			await world.pass(60_000);
			expect(heard(RECEIVER)).toEqual(["job.processing", "job.completed"]);
		});

		it("gives them up, too, where an attempt was under way when the end came and then failed", async () => {
			const taken = await accepted(world);
			world.onCallback(async ({ headers }) => {
				if (headers["x-deapi-event"] !== "job.processing") return answer(200);
				world.jump(1);
				await told(world, hook(world, { ...taken, event: "job.completed" }));
				return answer(500);
			});
			await told(world, hook(world, { ...taken, event: "job.processing" }));
			world.holdHooks(true);
			await world.pass(600_000);
			expect(heard(RECEIVER)).toEqual(["job.processing", "job.completed"]);
			expect(await deliveriesOf(world, taken.job)).toMatchObject([{ state: "superseded", nextAttemptAt: null }, { state: "delivered" }]);
		});
	});
}
