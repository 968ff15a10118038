import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createKey } from "../../../src/access/keys.ts";
import type { Db } from "../../../src/db/db.ts";
import { openWorld, type World } from "../../support/world.ts";
import { call } from "./calls.ts";
import { as, jobText, otherApp, post, refusalOf, rowCount } from "./doors.ts";
import { signedBy } from "./signed-by.ts";

interface Made {
	id: string;
	name: string;
	callback_secret: string;
}

export function apps(open: () => Promise<Db>): void {
	describe("apps over HTTP", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		const create = (body: object, headers = {}) => post(world, "/v1/apps", JSON.stringify(body), headers);
		const rotate = (id: string, headers = {}, body?: object) => call(world, "POST", `/v1/apps/${id}/rotate`, body, headers);
		/** Sends a job of the app through, and returns its callbacks. */
		const callbacksOf = async (key: string) => {
			world.callbacks.length = 0;
			expect((await post(world, "/v1/jobs", jobText(), as(key))).status).toBe(202);
			await world.pass(20_000);
			expect(world.callbacks.length).toBeGreaterThan(0);
			return world.callbacks;
		};

		it("are made by the operator, with a callback secret that is shown once and signs their jobs' callbacks", async () => {
			const response = await create({ name: "shop" });
			expect([response.status, response.headers.get("cache-control")]).toEqual([201, "no-store"]);
			const made = (await response.json()) as Made;
			expect(made).toMatchObject({ id: expect.stringMatching(/^app_[0-9a-f]{32}$/), name: "shop" });
			const list = await (await world.request("/v1/apps")).text();
			expect(list).toContain(made.id);
			expect(list).not.toContain(made.callback_secret);
			const { key } = await createKey(world.deps, made.id, { name: "test", scopes: ["submit"] });
			for (const callback of await callbacksOf(key)) expect(signedBy(callback, made.callback_secret)).toBe(true);
		});

		it.each([{}, { name: "" }, { name: "two words" }, { name: "-first" }, { name: "x".repeat(65) }, { name: 7 }, { name: "default" }])(
			"are not made from %j: the answer names the field",
			async (body) => {
				const before = await rowCount(world.deps.db);
				const response = await create(body);
				expect([response.status, (await refusalOf(response)).details?.[0]?.field]).toEqual([422, "name"]);
				expect(await rowCount(world.deps.db)).toBe(before);
			},
		);

		it("of one name are made once, however many ask at the same time", async () => {
			const statuses = (await Promise.all(Array.from({ length: 5 }, () => create({ name: "shop" })))).map(({ status }) => status);
			expect(statuses.toSorted()).toEqual([201, 422, 422, 422, 422]);
		});

		it("are the operator's alone: an admin of another app neither lists nor makes them", async () => {
			const other = await otherApp(world);
			for (const response of [await world.request("/v1/apps", { headers: as(other.key) }), await create({ name: "mine" }, as(other.key))]) {
				expect(response.status).toBe(403);
				expect((await refusalOf(response)).message).toContain("admin key of the app default");
			}
		});

		it("get a new callback secret from the operator or their own admin, shown once; with an overlap of 0 hours the old one signs nothing more", async () => {
			const made = (await (await create({ name: "shop" })).json()) as Made;
			const { key } = await createKey(world.deps, made.id, { name: "test", scopes: ["admin"] });
			const first = await rotate(made.id, as(key), { overlap_h: 0 });
			expect([first.status, first.headers.get("cache-control")]).toEqual([200, "no-store"]);
			const rotated = (await first.json()) as Made;
			for (const callback of await callbacksOf(key))
				expect([signedBy(callback, rotated.callback_secret), signedBy(callback, made.callback_secret)]).toEqual([true, false]);
			const second = (await (await rotate(made.id)).json()) as Made;
			expect(second.callback_secret).not.toBe(rotated.callback_secret);
			const lines = JSON.stringify(world.lines);
			for (const { callback_secret } of [made, rotated, second]) expect(lines).not.toContain(callback_secret);
			expect(world.lines.filter(({ what }) => what === "callback_secret.rotated").map(({ fields }) => fields)).toEqual([
				{ app: made.id, overlap_ms: 0, active: 1 },
				{ app: made.id, overlap_ms: 86_400_000, active: 2 },
			]);
		});

		it("keep their secret from another app's admin: 404, as for one that is not there", async () => {
			const [made, other] = [(await (await create({ name: "shop" })).json()) as Made, await otherApp(world)];
			const answers = [await rotate(made.id, as(other.key)), await rotate("app_019bc1112222733384445555666677ff", as(other.key))];
			const [theirs, nobodys] = await Promise.all(answers.map(refusalOf));
			expect(answers.map(({ status }) => status)).toEqual([404, 404]);
			expect(theirs?.message).toBe(nobodys?.message);
			expect((await rotate("nonsense")).status).toBe(404);
		});

		it("whose secret is in the settings keep it: a rotation would last until the next start, and is refused with the reason", async () => {
			const refused = await rotate(world.appId);
			const { code, message } = await refusalOf(refused);
			expect([refused.status, code, message]).toEqual([409, "not_possible", expect.stringContaining("JOBHOOK_CALLBACK_SECRET")]);
		});
	});

	it("the app default rotates like any other where no setting holds its secret", async () => {
		const world = await openWorld(await open(), { env: { JOBHOOK_CALLBACK_SECRET: "" } });
		const response = await world.request(`/v1/apps/${world.appId}/rotate`, { method: "POST" });
		expect(response.status).toBe(200);
		await world.close();
	});
}
