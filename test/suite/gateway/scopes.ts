import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createKey, may, type Scope } from "../../../src/access/keys.ts";
import type { Db } from "../../../src/db/db.ts";
import { GATEWAY, JOB, openWorld, submitted, type World } from "../../support/world.ts";
import { as, refusalOf, rowCount } from "./doors.ts";

const ID = "019bc111-2222-7333-8444-5555666677ff";
/** What is asked of a key, said a second time by someone who did not read the table. */
function expected(method: string, path: string): Scope {
	if (/^\/v1\/(keys|apps|counters)/.test(path)) return "admin";
	if (method === "GET" || path === "/v1/price") return "read";
	return /^\/v1\/(jobs|files)/.test(path) ? "submit" : "admin";
}

export function scopes(open: () => Promise<Db>): void {
	describe("the scopes of a key", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		const keyWith = async (...wanted: Scope[]) => (await createKey(world.deps, world.appId, { name: "test", scopes: wanted })).key;
		/** Every route of an app, from the document: whoever adds one is in here at once. */
		async function routes() {
			const document = (await (await world.app.request(`${GATEWAY}/openapi.json`)).json()) as {
				paths: Record<string, Record<string, { "x-scope": string; responses: object }>>;
			};
			return Object.entries(document.paths)
				.filter(([path]) => path.startsWith("/v1/"))
				.flatMap(([path, methods]) => Object.entries(methods).map(([method, about]) => ({ path, method: method.toUpperCase(), about })));
		}
		const call = (key: string, method: string, path: string) =>
			world.app.request(`${GATEWAY}${path.replaceAll(/\{\w+\}/g, ID)}`, {
				method,
				headers: { ...as(key), ...(method === "GET" ? {} : { "content-type": "application/json" }) },
				...(method === "GET" ? {} : { body: "{}" }),
			});

		it("are in the document for every route, as an answer and by name", async () => {
			const all = await routes();
			expect(all.length).toBeGreaterThan(9);
			for (const { path, method, about } of all) {
				expect(about["x-scope"], `${method} ${path}`).toBe(expected(method, path));
				expect(about.responses, `${method} ${path}`).toMatchObject({ 401: {}, 403: {}, 429: {} });
			}
		});

		it.each<{ granted: Scope[] }>([
			{ granted: ["read"] },
			{ granted: ["submit"] },
			{ granted: ["admin"] },
			{ granted: ["read", "submit"] },
		])("$granted let it through where they reach, on every route, and nowhere else", async ({ granted }) => {
			const key = await keyWith(...granted);
			for (const { path, method } of await routes()) {
				const before = await rowCount(world.deps.db);
				const response = await call(key, method, path);
				const allowed = may({ scopes: granted }, expected(method, path));
				expect(response.status === 403, `${method} ${path}`).toBe(!allowed);
				if (allowed) continue;
				expect((await refusalOf(response)).code).toBe("forbidden");
				expect(await rowCount(world.deps.db)).toBe(before);
			}
		});

		it("are told apart from a key that is missing: 403 names the scope, 401 asks for a key", async () => {
			const reader = await keyWith("read");
			const refused = await world.submit({}, as(reader));
			expect([refused.status, (await refusalOf(refused)).message]).toEqual([403, expect.stringContaining("no scope submit")]);
			expect((await world.submit({}, as("unknown-key-0123456789"))).status).toBe(401);
		});

		it("submit may read what it made, and read may make nothing", async () => {
			const [submitter, reader] = [await keyWith("submit"), await keyWith("read")];
			const made = await world.submit(JOB, as(submitter));
			expect(made.status).toBe(202);
			const { id } = (await made.json()) as { id: string };
			for (const key of [submitter, reader]) expect((await world.request(`/v1/jobs/${id}`, { headers: as(key) })).status).toBe(200);
			const before = await rowCount(world.deps.db);
			expect((await world.submit(JOB, as(reader))).status).toBe(403);
			expect(await rowCount(world.deps.db)).toBe(before);
		});

		it("count for HEAD as for GET, and a route that does not exist opens to no one", async () => {
			const job = await submitted(world);
			const reader = await keyWith("read");
			expect((await world.app.request(`${GATEWAY}/v1/jobs/${job}`, { method: "HEAD", headers: as(reader) })).status).toBe(200);
			expect((await world.app.request(`${GATEWAY}/v1/keys`, { method: "HEAD", headers: as(reader) })).status).toBe(403);
			expect((await world.app.request(`${GATEWAY}/v1/nowhere`, { method: "POST", headers: as(reader) })).status).toBe(403);
		});
	});
}
