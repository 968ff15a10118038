import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { importKey } from "../../../src/access/import-key.ts";
import { createKey } from "../../../src/access/keys.ts";
import { bootstrap } from "../../../src/bootstrap.ts";
import { compileSql } from "../../../src/db/compile.ts";
import type { Db } from "../../../src/db/db.ts";
import { HOOK_SECRET, openWorld, type World } from "../../support/world.ts";
import { as, jobText, otherApp, post, refusalOf, rowCount } from "./doors.ts";

interface Key {
	id: string;
	name: string;
	scopes: string[];
	account: string | null;
	revoked_at: string | null;
	key?: string;
}
const keysAsKept = compileSql<unknown, { kept: string }>(["kept"], () => sql`SELECT id || name || hash || scopes FROM keys`);
const accountsAsKept = compileSql<unknown, { id: string; apiKey: string; webhookSecret: string | null }>(
	["id", "apiKey", "webhookSecret"],
	() => sql`SELECT id, api_key, webhook_secret FROM accounts WHERE api_key IS NOT NULL`,
);
const accountOfJob = compileSql<{ job: string }, { account: string; lane: string }>(
	["account", "lane"],
	(p) => sql`SELECT account_id, lane_id FROM submissions WHERE job_id = ${p.job}`,
);
const lanesOf = compileSql<{ account: string }, { id: string }>(
	["id"],
	(p) => sql`SELECT id FROM lanes WHERE account_id = ${p.account} ORDER BY id`,
);
const forgetLanes = compileSql<{ account: string }, { id: string }>(
	["id"],
	(p) => sql`DELETE FROM lanes WHERE account_id = ${p.account} RETURNING id`,
);

export function keys(open: () => Promise<Db>): void {
	describe("keys over HTTP", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		const create = (body: object, headers = {}) => post(world, "/v1/keys", JSON.stringify(body), headers);
		const list = async (headers = {}, query = "") =>
			(await (await world.request(`/v1/keys${query}`, { headers })).json()) as { data: Key[]; next_cursor: string | null };

		it("are made with name and scopes, shown once, and only their hash is kept", async () => {
			const response = await create({ name: "backend", scopes: ["submit", "submit"] });
			expect([response.status, response.headers.get("cache-control")]).toEqual([201, "no-store"]);
			const made = (await response.json()) as Key;
			expect(made).toMatchObject({ name: "backend", scopes: ["submit"], account: null, revoked_at: null });
			expect((await post(world, "/v1/jobs", jobText(), as(made.key!))).status).toBe(202);
			const { key, ...shown } = made;
			expect((await list()).data).toEqual([shown]);
			const kept = (await world.deps.db.read(keysAsKept.bind({}))).map((row) => row.kept).join();
			expect(kept).toContain(made.id);
			expect(kept).not.toContain(key);
		});

		it.each([
			[{ scopes: ["read"] }, "name"],
			[{ name: "", scopes: ["read"] }, "name"],
			[{ name: "x".repeat(101), scopes: ["read"] }, "name"],
			[{ name: "x" }, "scopes"],
			[{ name: "x", scopes: [] }, "scopes"],
			[{ name: "x", scopes: ["root"] }, "scopes.0"],
			[{ name: "x", scopes: ["read"], key: "my-own" }, "key"],
			[{ name: "x", scopes: ["read"], app: "other" }, "app"],
		])("are not made from %j: the answer names %s", async (body, field) => {
			const before = await rowCount(world.deps.db);
			const response = await create(body);
			expect([response.status, (await refusalOf(response)).details?.map((detail) => detail.field)]).toEqual([422, [field]]);
			expect(await rowCount(world.deps.db)).toBe(before);
		});

		it("open nothing from the moment they are revoked, stay listed, and a second time changes nothing", async () => {
			const made = (await (await create({ name: "gone", scopes: ["read"] })).json()) as Key;
			expect((await world.request("/v1/jobs/unknown", { headers: as(made.key!) })).status).toBe(404);
			const revoke = (id: string) => world.request(`/v1/keys/${id}`, { method: "DELETE" });
			const first = (await (await revoke(made.id)).json()) as Key;
			expect(first.revoked_at).toBe(new Date(world.now()).toISOString());
			expect((await world.request("/v1/jobs/unknown", { headers: as(made.key!) })).status).toBe(401);
			world.jump(5000);
			const hyphenated = made.id.slice(4).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
			expect(await (await revoke(hyphenated)).json()).toEqual(first);
			expect((await list()).data).toEqual([first]);
		});

		it("are those of their own app: another app's admin neither sees nor revokes them", async () => {
			const ours = (await (await create({ name: "ours", scopes: ["read"] })).json()) as Key;
			const other = await otherApp(world);
			expect((await list(as(other.key))).data.map(({ id }) => id)).toEqual([other.keyId]);
			const refused = await world.request(`/v1/keys/${ours.id}`, { method: "DELETE", headers: as(other.key) });
			expect([refused.status, (await refusalOf(refused)).code]).toEqual([404, "not_found"]);
			expect((await list()).data[0]?.revoked_at).toBeNull();
			world.jump(1);
			const theirs = (await (await create({ name: "theirs", scopes: ["read"] }, as(other.key))).json()) as Key;
			expect((await list(as(other.key))).data.map(({ id }) => id)).toEqual([theirs.id, other.keyId]);
		});

		it("are listed newest first, page by page", async () => {
			for (const name of ["a", "b", "c"]) {
				world.jump(1);
				await create({ name, scopes: ["read"] });
			}
			const first = await list({}, "?limit=2");
			expect(first.data.map(({ name }) => name)).toEqual(["c", "b"]);
			const second = await list({}, `?limit=2&cursor=${first.next_cursor}`);
			expect([second.data.map(({ name }) => name), second.next_cursor]).toEqual([["a"], null]);
			for (const query of ["?cursor=nonsense", "?limit=0"]) expect((await world.request(`/v1/keys${query}`)).status).toBe(422);
		});
	});

	describe("an imported provider key", () => {
		let world: World;
		let key: string;
		const wish = { provider: "deapi", name: "legacy", scopes: ["submit" as const], key: "sandbox-key", webhookSecret: HOOK_SECRET };
		beforeEach(async () => {
			const unknown = { DEAPI_API_KEY: "not-known-to-the-provider", DEAPI_WEBHOOK_SECRET: "of-another-account" };
			world = await openWorld(await open(), { env: unknown });
			await importKey(world.deps, world.appId, wish);
			key = wish.key;
		});
		afterEach(() => world.close());

		it("lets in, and its jobs are sent and their hooks verified with its own account", async () => {
			const response = await post(world, "/v1/jobs", jobText(), as(key));
			expect(response.status).toBe(202);
			const { id } = (await response.json()) as { id: string };
			expect(await world.deps.db.read(accountOfJob.bind({ job: id }))).toEqual([{ account: "deapi:legacy", lane: "deapi:legacy/txt2img" }]);
			await world.pass(20_000);
			expect((await world.job(id)).state).toBe("completed");
			expect((await world.timeline(id)).filter(({ kind }) => kind === "hook").map((entry) => entry["outcome"])).toContain("applied");
		});

		it("is kept as a hash and sealed, nowhere else", async () => {
			const kept = (await world.deps.db.read(keysAsKept.bind({}))).map((row) => row.kept).join();
			const accounts = await world.deps.db.read(accountsAsKept.bind({}));
			expect(accounts).toEqual([
				{ id: "deapi:legacy", apiKey: expect.stringMatching(/^v1\./), webhookSecret: expect.stringMatching(/^v1\./) },
			]);
			for (const text of [kept, JSON.stringify(accounts), JSON.stringify(world.lines)])
				for (const secret of [wish.key, HOOK_SECRET]) expect(text).not.toContain(secret);
		});

		it("takes neither the key nor the name of one before it, and leaves nothing half-written", async () => {
			const before = await rowCount(world.deps.db);
			const again = (over: Partial<typeof wish>) => importKey(world.deps, world.appId, { ...wish, ...over });
			await expect(again({ name: "second" })).rejects.toMatchObject({
				code: "not_possible",
				message: expect.stringContaining("registered already"),
			});
			await expect(again({ key: "another-key" })).rejects.toMatchObject({
				code: "not_possible",
				message: expect.stringContaining("deapi:legacy"),
			});
			expect(await rowCount(world.deps.db)).toBe(before);
			expect((await world.request("/v1/jobs/unknown", { headers: as("another-key") })).status).toBe(401);
		});

		it("has the lanes of every job type, also of those that a later version brings", async () => {
			const lanes = () => world.deps.db.read(lanesOf.bind({ account: "deapi:legacy" }));
			const before = await lanes();
			expect(before).toEqual(expect.arrayContaining([{ id: "deapi:legacy/status" }, { id: "deapi:legacy/txt2img" }]));
			await world.deps.db.batch([forgetLanes.bind({ account: "deapi:legacy" })]);
			await bootstrap(world.deps);
			expect(await lanes()).toEqual(before);
		});

		it("that is revoked opens nothing, and its jobs still come to their end", async () => {
			const { id } = (await (await post(world, "/v1/jobs", jobText(), as(key))).json()) as { id: string };
			const { data } = (await (await world.request("/v1/keys")).json()) as { data: Key[] };
			expect((await world.request(`/v1/keys/${data[0]!.id}`, { method: "DELETE" })).status).toBe(200);
			expect((await post(world, "/v1/jobs", jobText(), as(key))).status).toBe(401);
			await world.pass(20_000);
			expect((await world.job(id)).state).toBe("completed");
		});
	});

	it("two keys of one app are told apart by id, and both work", async () => {
		const world = await openWorld(await open());
		const [one, two] = [
			await createKey(world.deps, world.appId, { name: "one", scopes: ["read"] }),
			await createKey(world.deps, world.appId, { name: "one", scopes: ["read"] }),
		];
		expect(one.id).not.toBe(two.id);
		for (const { key } of [one, two]) expect((await world.request("/v1/jobs/unknown", { headers: as(key) })).status).toBe(404);
		await world.close();
	});
}
