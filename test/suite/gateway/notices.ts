import { sql } from "drizzle-orm";
import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compileSql } from "../../../src/db/compile.ts";
import type { Db } from "../../../src/db/db.ts";
import { workOf } from "../../../src/outbound/notices/notice.ts";
import { NOTICE_TYPES } from "../../../src/outbound/notices/types.ts";
import { answer, openWorld, submitted, type World } from "../../support/world.ts";
import { otherApp } from "./doors.ts";
import { noticesKept } from "./notices-kept.ts";
import { noticesRoutes } from "./notices-routes.ts";
import {
	BROKEN,
	caseOf,
	counters,
	exhausted,
	HOUR,
	happens,
	heard,
	logged,
	noticesOf,
	OPERATOR,
	operatorEndpoint,
	putExhausted,
	write,
} from "./notices-tools.ts";
import { answerFor, laneOf } from "./tools.ts";

const subscribe = compileSql<{ app: string; type: string; endpoint: string }, never>(
	[],
	(p) => sql`INSERT INTO endpoint_event_types (app_id, event_type, endpoint_id) VALUES (${p.app}, ${p.type}, ${p.endpoint})`,
);

export function notices(open: () => Promise<Db>): void {
	noticesRoutes(open);
	noticesKept(open);

	describe("notices for the operator", () => {
		let world: World;
		let broken: string;
		beforeEach(async () => {
			world = await openWorld(await open(), { began: Date.now() }); // the official verifier knows no other clock
			broken = (await world.endpoint({ url: BROKEN })).id;
		});
		afterEach(() => world.close());

		it.each(NOTICE_TYPES)("(%s) are signed callbacks to the operator's endpoint, a line of the log and a count", async (type) => {
			const { secret } = await operatorEndpoint(world);
			await happens(world, type, broken);
			await world.run();
			const told = world.callbacks.filter(({ headers }) => headers["x-deapi-event"] === type);
			expect(told.map(({ url }) => url)).toEqual([OPERATOR]);
			const body = new Webhook(secret).verify(told[0]!.body, told[0]!.headers) as Record<string, unknown>;
			expect(body).toEqual({
				...{ id: told[0]!.headers["webhook-id"], type, timestamp: new Date(world.now()).toISOString() },
				data: expect.objectContaining(type === "account.paused" ? { account: "deapi:default" } : { endpoint: broken }),
			});
			expect(told[0]!.body).not.toContain("a-secret");
			expect(logged(world, type)).toHaveLength(1);
			expect(JSON.stringify(logged(world, type))).not.toContain("a-secret");
			expect((await counters(world))[type]).toBe(1);
		});

		it.each(NOTICE_TYPES)("(%s) are nothing at all where the batch did not make it true", async (type) => {
			await operatorEndpoint(world);
			const last = caseOf(world, type, broken).at(-1)!;
			await write(world, [], last.notice);
			await world.run();
			expect([await noticesOf(world, type), logged(world, type), world.callbacks]).toEqual([[], [], []]);
			expect((await counters(world))[type]).toBe(0);
		});

		it.each(NOTICE_TYPES.filter((type) => type !== "delivery.exhausted"))(
			"(%s) happen once, however many notice it at once",
			async (type) => {
				await operatorEndpoint(world);
				const cases = caseOf(world, type, broken);
				const last = cases.pop()!;
				for (const { make, notice } of cases) await write(world, make, notice);
				await world.deps.db.batch(last.make);
				const copies = Array.from({ length: 8 }, () => caseOf(world, type, broken).at(-1)!.notice);
				await Promise.all(copies.map((notice) => write(world, [], notice)));
				await world.run();
				expect(await noticesOf(world, type)).toHaveLength(1);
				expect(heard(world).filter((event) => event === type)).toHaveLength(1);
				expect([logged(world, type).length, (await counters(world))[type]]).toEqual([1, 1]);
			},
		);

		it("of many deliveries of a lane that are given up at once come once, and count them all", async () => {
			await operatorEndpoint(world);
			const all = Array.from({ length: 8 }, () => caseOf(world, "delivery.exhausted", broken)[0]!);
			await Promise.all(all.map(({ make, notice }) => write(world, make, notice)));
			await world.run();
			expect(heard(world)).toEqual(["delivery.exhausted"]);
			expect([logged(world, "delivery.exhausted").length, (await counters(world))["delivery.exhausted"]]).toEqual([8, 8]);
		});

		it("of an endpoint that fails are told once for each time it begins to", async () => {
			await operatorEndpoint(world);
			for (const since of [1000, 1000, 2000]) await happens(world, "endpoint.failing", broken, since);
			expect(await noticesOf(world, "endpoint.failing")).toHaveLength(2);
			await happens(world, "endpoint.recovered", broken, 2000);
			await happens(world, "endpoint.recovered", broken, 2000);
			expect(await noticesOf(world, "endpoint.recovered")).toHaveLength(1);
			expect(await counters(world)).toMatchObject({ "endpoint.failing": 2, "endpoint.recovered": 1 });
		});

		it("never say that an endpoint is well again of which nobody heard that it fails", async () => {
			const [failing, recovered] = caseOf(world, "endpoint.recovered", broken);
			await write(world, [...failing!.make, ...recovered!.make], recovered!.notice);
			expect(await noticesOf(world, "endpoint.recovered")).toEqual([]);
		});

		it("never go to the endpoint they are about, to one that did not ask for them, or to another app", async () => {
			const [one, two] = [await operatorEndpoint(world, { url: BROKEN }), await operatorEndpoint(world)];
			const other = await otherApp(world);
			await world.request("/v1/endpoints", {
				method: "POST",
				headers: { authorization: `Bearer ${other.key}`, "content-type": "application/json" },
				body: JSON.stringify({ url: "https://other.example.com/" }),
			});
			const stranger = await world.endpoint({ url: "https://other.example.com/" });
			await world.deps.db.batch([subscribe.bind({ app: other.id, type: "endpoint.failing", endpoint: stranger.id })]);
			for (const type of ["endpoint.failing", "endpoint.recovered", "delivery.exhausted"] as const) await happens(world, type, one.id);
			await world.run();
			expect(world.callbacks.map(({ url }) => url)).toEqual([OPERATOR, OPERATOR, OPERATOR]);
			await happens(world, "endpoint.failing", two.id);
			await world.run();
			expect(heard(world, BROKEN)).toEqual(["endpoint.failing"]);
		});

		it("of deliveries that were given up come once for a lane and hour, and count each one", async () => {
			await operatorEndpoint(world);
			world.jump(HOUR - (world.now() % HOUR)); // to the beginning of an hour
			const giveUp = async (delivery: string, lane: string) => {
				const at = { delivery, target: "job", lane };
				await write(world, [putExhausted(world, at)], exhausted(world, at));
			};
			for (let n = 0; n < 5; n++) await giveUp(`dlv_a${n}`, "url:app:https://a.example.com");
			await giveUp("dlv_b", "url:app:https://b.example.com");
			world.jump(HOUR - 1);
			await giveUp("dlv_late", "url:app:https://a.example.com");
			expect(await noticesOf(world, "delivery.exhausted")).toHaveLength(2);
			world.jump(1);
			await giveUp("dlv_next", "url:app:https://a.example.com");
			expect(await noticesOf(world, "delivery.exhausted")).toHaveLength(3);
			expect((await counters(world))["delivery.exhausted"]).toBe(8);
			expect(logged(world, "delivery.exhausted")).toHaveLength(8);
		});

		it("count a delivery once of which two attempts came back at the same moment: the earlier one changed nothing", async () => {
			const at = { delivery: "dlv_twice", target: "job", lane: "url:app:https://a.example.com" };
			await write(world, [putExhausted(world, at)], exhausted(world, at));
			await write(world, [], exhausted(world, { ...at, n: 1 }));
			expect((await counters(world))["delivery.exhausted"]).toBe(1);
		});

		it("do not follow from notices: that one was given up is logged, and nothing more", async () => {
			await operatorEndpoint(world);
			const at = { delivery: "dlv_notice", target: broken, lane: broken, eventType: "endpoint.failing" };
			await write(world, [putExhausted(world, at)], exhausted(world, at));
			expect(logged(world, "delivery.exhausted")).toMatchObject([{ fields: { job: null, delivery: "dlv_notice" } }]);
			expect(await noticesOf(world, "delivery.exhausted")).toEqual([]);
			expect((await counters(world))["delivery.exhausted"]).toBe(0);
		});

		it("do not keep two broken receivers of them busy", async () => {
			for (const url of [OPERATOR, "https://second.example.com/"]) await operatorEndpoint(world, { url });
			world.onCallback(() => answer(500));
			await happens(world, "account.paused", broken);
			await world.pass(120 * HOUR);
			const told = world.callbacks.filter(({ headers }) => headers["x-deapi-event"] === "account.paused");
			expect(told).toHaveLength(24);
			expect(await noticesOf(world, "delivery.exhausted")).toEqual([]);
			expect((await counters(world))["delivery.exhausted"]).toBe(0);
			const before = world.callbacks.length;
			await world.pass(2000 * HOUR);
			expect(world.callbacks.length - before).toBeLessThanOrEqual(24); // at most that each of the two was found to fail
		});

		it("several of one batch are each told where they are true", async () => {
			await operatorEndpoint(world);
			const [failing] = caseOf(world, "endpoint.failing", broken);
			const [disabled] = caseOf(world, "endpoint.disabled", broken);
			const [gone] = caseOf(world, "delivery.exhausted", broken);
			const all = [disabled!.notice, failing!.notice, gone!.notice];
			await write(world, [...failing!.make, ...gone!.make], ...all);
			await world.run();
			expect(heard(world).toSorted()).toEqual(["delivery.exhausted", "endpoint.failing"]);
			const lines = (["endpoint.disabled", "endpoint.failing", "delivery.exhausted"] as const).map((type) => logged(world, type).length);
			expect(lines).toEqual([0, 1, 1]);
			expect(workOf(all.toReversed())).toEqual(workOf(all)); // two batches with the same would else wait for each other
		});

		it("tell of an account that pauses once in a row, again after it worked, and for another reason", async () => {
			await operatorEndpoint(world);
			let refusal: ReturnType<typeof answer> | null = answer(401);
			answerFor(world, "/txt2img", () => refusal);
			for (let n = 0; n < 3; n++) await submitted(world);
			await world.pass(500_000);
			expect(heard(world)).toEqual(["account.paused"]);
			expect(JSON.parse(world.callbacks[0]!.body)).toMatchObject({
				data: { account: "deapi:default", provider: "deapi", reason: "http_401" },
			});
			refusal = answer(403);
			await world.pass(700_000);
			expect(heard(world)).toEqual(["account.paused", "account.paused"]);
			refusal = null;
			await world.pass(700_000);
			refusal = answer(401);
			await submitted(world);
			await world.pass(100_000);
			expect(heard(world)).toEqual(["account.paused", "account.paused", "account.paused"]);
			expect((await counters(world))["account.paused"]).toBe(3);
		});

		it("tell of an account that is well and ill by turns once in ten minutes", async () => {
			world.jump(600_000 - (world.now() % 600_000));
			let refuse = false;
			answerFor(world, "/txt2img", () => (refuse ? answer(401) : null));
			const fallIll = async () => {
				refuse = true;
				await submitted(world);
				await world.pass(10_000);
				refuse = false;
				await world.pass(60_000);
				expect(await laneOf(world, "txt2img")).toMatchObject({ strikes: 0 });
			};
			for (let n = 0; n < 4; n++) await fallIll();
			expect(world.lines.filter(({ fields }) => fields["outcome"] === "account_trouble")).toHaveLength(4);
			expect(await noticesOf(world, "account.paused")).toHaveLength(1);
			world.jump(600_000);
			await fallIll();
			expect(await noticesOf(world, "account.paused")).toHaveLength(2);
		});

		it("tell that a receiver asked to be disabled, and not that somebody disabled it by hand", async () => {
			await operatorEndpoint(world);
			const second = await world.endpoint({ url: "https://second.example.com/" });
			await world.request(`/v1/endpoints/${second.id}/disable`, { method: "POST" });
			world.onCallback(({ url }) => answer(url === BROKEN ? 410 : 200));
			await submitted(world);
			await submitted(world);
			await world.pass(20_000);
			expect(heard(world)).toEqual(["endpoint.disabled"]);
			const told = world.callbacks.find(({ url }) => url === OPERATOR)!;
			expect(JSON.parse(told.body)).toMatchObject({
				data: { endpoint: broken, reason: "http_410", url: "https://broken.example.com/hooks" },
			});
			expect((await counters(world))["endpoint.disabled"]).toBe(1);
			const fields = { app: world.appId, endpoint: broken, reason: "http_410", since: null, failures: null };
			expect(logged(world, "endpoint.disabled").map((line) => line.fields)).toEqual([fields]);
		});

		it.each(NOTICE_TYPES.filter((type) => type !== "account.paused"))("(%s) say what to do next, and with which key", async (type) => {
			await operatorEndpoint(world);
			await happens(world, type, broken);
			await world.run();
			const told = world.callbacks.find(({ headers }) => headers["x-deapi-event"] === type)!;
			const { app, next } = (JSON.parse(told.body) as { data: { app: string; next: string } }).data;
			expect(next).toContain(`with a key of the app ${app} `);
			if (type === "endpoint.disabled") expect(next).toMatch(/first POST \S+\/enable sends what is held, after that POST \S+\/recover /);
		});

		it("are sent again like any other callback, by a line of the log that names no job", async () => {
			await operatorEndpoint(world);
			await happens(world, "endpoint.failing", broken);
			await world.run();
			const { data } = (await (await world.request("/v1/deliveries?status=delivered")).json()) as { data: { id: string }[] };
			await world.request(`/v1/deliveries/${data[0]!.id}/replay`, { method: "POST" });
			await world.run();
			expect(heard(world)).toEqual(["endpoint.failing", "endpoint.failing"]);
			const lines = world.lines.filter(({ what }) => what === "delivery.replayed");
			expect(lines.map(({ fields }) => [fields["delivery"], fields["job"]])).toEqual([[data[0]!.id, null]]);
		});
	});
}
