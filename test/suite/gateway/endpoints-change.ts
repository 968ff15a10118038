import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConstraintError, type Db } from "../../../src/db/db.ts";
import { answer, broken, GATEWAY, openWorld, type World } from "../../support/world.ts";
import { answers, finished, NO_URL } from "./callbacks.ts";
import { call, got, type Listed, pages } from "./calls.ts";
import { as, otherApp, refusalOf, rowCount } from "./doors.ts";
import { deliveriesOf } from "./tools.ts";

const HOOKS = "https://example.com/hooks";
const ONE = { event_types: ["job.completed"] };

export function changes(open: () => Promise<Db>): void {
	let world: World;
	const begin = async () => {
		world = await openWorld(await open(), { began: Date.now() }); // the official verifier knows no other clock
	};
	const path = (id: string, verb = "") => `/v1/endpoints/${id}${verb && `/${verb}`}`;

	describe("the list of endpoints", () => {
		beforeEach(begin);
		afterEach(() => world.close());

		it("shows this app's, newest first, page after page, each with its types and without its secret", async () => {
			const made = [];
			for (let i = 0; i < 5; i++) {
				world.jump(1);
				made.push(await world.endpoint({ url: `${HOOKS}/${i}`, description: `number ${i}`, event_types: ["job.failed", "job.completed"] }));
			}
			const other = await otherApp(world);
			await got(call(world, "POST", "/v1/endpoints", { url: HOOKS }, as(other.key)));
			const all = await pages(world, "/v1/endpoints?limit=2");
			expect(all.map((page) => page.length)).toEqual([2, 2, 1]);
			expect(all.flat().map(({ id }) => id)).toEqual(made.map(({ id }) => id).toReversed());
			expect(all.flat()[0]).toMatchObject({ url: `${HOOKS}/4`, description: "number 4", event_types: ["job.completed", "job.failed"] });
			expect(all.flat().every((endpoint) => !("secret" in endpoint))).toBe(true);
			expect(await got<Listed>(world.request("/v1/endpoints"))).toEqual({ data: all.flat(), next_cursor: null });
		});

		it.each([
			["limit=0", "limit"],
			["limit=101", "limit"],
			["limit=1.5", "limit"],
			["limit=x", "limit"],
			["limit=1&limit=2", "limit"],
			["cursor=nonsense", "cursor"],
			[`cursor=${Buffer.from("dlv_019bc1112222733384445555666677ff").toString("base64url")}`, "cursor"],
			["cursor=", "cursor"],
			["state=enabled", "state"],
		])("refuses ?%s by the name of the parameter", async (query, field) => {
			const response = await world.request(`/v1/endpoints?${query}`);
			expect([response.status, (await refusalOf(response)).details?.map((detail) => detail.field)]).toEqual([422, [field]]);
		});
	});

	describe("two endpoints that are made at once", () => {
		beforeEach(begin);
		afterEach(() => world.close());

		it("take a place each: the one that comes second asks again", async () => {
			const real = world.deps.db;
			let clashes = 2;
			world.deps.db = { ...real, batch: (work) => (clashes-- > 0 ? Promise.reject(new ConstraintError("place")) : real.batch(work)) };
			await world.endpoint({ url: HOOKS, ...ONE });
			world.deps.db = real;
			await Promise.all([1, 2, 3].map((n) => world.endpoint({ url: `${HOOKS}/${n}`, ...ONE })));
			const job = await finished(world, NO_URL);
			expect(new Set((await deliveriesOf(world, job)).map(({ id }) => id.slice(-6)))).toEqual(
				new Set(["000001", "000002", "000003", "000004"]),
			);
		});
	});

	describe("a change of an endpoint", () => {
		beforeEach(begin);
		afterEach(() => world.close());

		it("applies from the next attempt, also to what waits already", async () => {
			const { id } = await world.endpoint({ url: HOOKS, ...ONE });
			answers(world, 500, 200);
			await finished(world, NO_URL);
			await world.run();
			const before = await got(world.request(path(id)));
			world.jump(1);
			const after = await got(call(world, "PATCH", path(id), { url: `${HOOKS}/new` }));
			const well = { failing_since: null, failures: 0 };
			expect(after).toEqual({ ...before, ...well, url: `${HOOKS}/new`, updated_at: new Date(world.now()).toISOString() });
			await world.pass(60_000);
			expect(world.callbacks.map(({ url }) => url)).toEqual([HOOKS, `${HOOKS}/new`]);
		});

		it("replaces the event types, and takes a description away", async () => {
			const { id } = await world.endpoint({ url: HOOKS, ...ONE, description: "for a while" });
			const changed = await got(
				call(world, "PATCH", path(id), { event_types: ["job.processing", "job.failed", "job.failed"], description: null }),
			);
			expect(changed).toMatchObject({ url: HOOKS, description: null, event_types: ["job.failed", "job.processing"] });
			expect(await got(world.request(path(id)))).toEqual(changed);
			expect(await deliveriesOf(world, await finished(world, NO_URL))).toEqual([]);
		});

		it.each([
			["nothing", {}, "body"],
			["a private URL", { url: "https://10.0.0.1/" }, "url"],
			["our own host as URL", { url: `${GATEWAY}/hooks` }, "url"],
			["no event types", { event_types: [] }, "event_types"],
			["an unknown event type", { event_types: ["job.done"] }, "event_types.0"],
			["a number as description", { description: 7 }, "description"],
			["a secret, which is rotated instead", { secret: "s".repeat(40) }, "secret"],
			["a state", { state: "disabled" }, "state"],
			["half a surrogate pair", { description: "\ud800" }, "description"],
		])("to %s is refused by the name of the field, and changes nothing", async (_, body, field) => {
			const { id } = await world.endpoint({ url: HOOKS, ...ONE });
			const before = await got(world.request(path(id)));
			const response = await call(world, "PATCH", path(id), body);
			expect([response.status, (await refusalOf(response)).details?.map((detail) => detail.field)]).toEqual([422, [field]]);
			expect(await got(world.request(path(id)))).toEqual(before);
		});
	});

	describe("a rotation", () => {
		beforeEach(begin);
		afterEach(() => world.close());

		const signedWith = (secret: string) => {
			const { body, headers } = world.callbacks.at(-1)!;
			try {
				return Boolean(new Webhook(secret).verify(body, headers));
			} catch {
				return false;
			}
		};

		it("makes a new secret, shows it once, and signs with it from the next attempt on, beside the old one", async () => {
			const { id, secret } = await world.endpoint({ url: HOOKS, ...ONE });
			const response = await call(world, "POST", path(id, "rotate"));
			expect(response.headers.get("cache-control")).toBe("no-store");
			const { secret: next, ...shown } = await got<{ id: string; secret: string }>(response);
			expect(next).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
			expect(await got(world.request(path(id)))).toEqual(shown);
			await finished(world, NO_URL);
			await world.run();
			expect([signedWith(secret), signedWith(next)]).toEqual([true, true]);
		});

		it("takes a secret that is brought along, and refuses one that is too short", async () => {
			const { id } = await world.endpoint({ url: HOOKS, ...ONE });
			const secret = "one that was made elsewhere, 40 in length";
			expect(await got(call(world, "POST", path(id, "rotate"), { secret }))).toMatchObject({ id, secret });
			const response = await call(world, "POST", path(id, "rotate"), { secret: "short" });
			expect([response.status, (await refusalOf(response)).details?.[0]?.field]).toEqual([422, "secret"]);
		});
	});

	describe("a test of an endpoint", () => {
		beforeEach(begin);
		afterEach(() => world.close());

		it("sends one signed sample that says it is a test, tells what came of it, and records nothing", async () => {
			const { id, secret } = await world.endpoint({ url: HOOKS, ...ONE });
			const before = await rowCount(world.deps.db);
			answers(world, [202, {}, "thank you"]);
			const told = await got(call(world, "POST", path(id, "test")));
			const sent = world.callbacks[0]!;
			const event = new Webhook(secret).verify(sent.body, sent.headers) as { data: { job: object } };
			expect(event).toMatchObject({ id: told["event"], type: "job.completed", test: true, data: { status: "done" } });
			expect(sent.headers).toMatchObject({ "x-deapi-event": "job.completed", "webhook-id": told["event"] });
			const at = new Date(world.now()).toISOString();
			const outcome = { acknowledged: true, reason: "acknowledged", status: 202, response: "thank you" };
			expect(told).toEqual({ event: told["event"], url: HOOKS, ...outcome, sent_at: at, duration_ms: 0 });
			await world.pass(600_000);
			expect([world.callbacks.length, await rowCount(world.deps.db)]).toEqual([1, before]);
		});

		it.each([
			["refuses", answer(410, {}, "gone"), { status: 410, reason: "http_410", response: "gone" }],
			["is not reached", broken("connect_failed", true), { status: null, reason: "connect_failed", response: null }],
		])("whose receiver %s says so, and nothing follows from it", async (_, said, told) => {
			const { id } = await world.endpoint({ url: HOOKS, ...ONE });
			world.onCallback(() => said);
			expect(await got(call(world, "POST", path(id, "test")))).toMatchObject({ acknowledged: false, ...told });
			expect(await got(world.request(path(id)))).toMatchObject({ state: "enabled", reason: null });
		});

		it("is there while it is disabled, too", async () => {
			const { id } = await world.endpoint({ url: HOOKS, ...ONE });
			await got(call(world, "POST", path(id, "disable")));
			expect(await got(call(world, "POST", path(id, "test")))).toMatchObject({ acknowledged: true });
		});
	});

	describe("an endpoint that is another app's, or nobody's", () => {
		beforeEach(begin);
		afterEach(() => world.close());

		it("is 404 on every route, and nothing of it changes", async () => {
			const { id } = await world.endpoint({ url: HOOKS, ...ONE });
			const before = await got(world.request(path(id)));
			const other = as((await otherApp(world)).key);
			for (const unknown of [id, "ep_019bc1112222733384445555666677ff", "nonsense"]) {
				const answers = [
					call(world, "GET", path(unknown), undefined, other),
					call(world, "PATCH", path(unknown), { url: `${HOOKS}/mine` }, other),
					call(world, "DELETE", path(unknown), undefined, other),
					...["enable", "disable", "rotate", "test"].map((verb) => call(world, "POST", path(unknown, verb), undefined, other)),
				];
				for (const response of await Promise.all(answers)) {
					expect(response.status).toBe(404);
					expect(await refusalOf(response)).toMatchObject({ code: "not_found", message: "this app has no endpoint of that id" });
				}
			}
			expect(await got(world.request(path(id)))).toEqual(before);
			expect(world.callbacks).toEqual([]);
		});
	});
}
