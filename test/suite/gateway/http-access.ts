import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createKey } from "../../../src/access/keys.ts";
import { compileSql } from "../../../src/db/compile.ts";
import type { Db } from "../../../src/db/db.ts";
import { GATEWAY, KEY, openWorld, submitted, type World } from "../../support/world.ts";
import { as, jobText, otherApp, post, refusalOf, rowCount } from "./doors.ts";

const revoke = compileSql<{ key: string; now: number }, { id: string }>(
	["id"],
	(p) => sql`UPDATE keys SET revoked_at = ${p.now} WHERE id = ${p.key} RETURNING id`,
);

/** What a route needs to get as far as looking for its id. */
const BODIES: Record<string, string> = {
	"/v1/jobs/{id}/resolve": JSON.stringify({ action: "fail" }),
	"/v1/endpoints/{id}": JSON.stringify({ description: "taken over" }),
	"/v1/endpoints/{id}/recover": JSON.stringify({ since: "2026-01-01T00:00:00Z" }),
};

export function access(open: () => Promise<Db>): void {
	describe("a key", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		const read = (headers: Record<string, string>, path = "/v1/jobs/unknown") => world.app.request(`${GATEWAY}${path}`, { headers });

		it.each([
			["none", {}],
			["an empty one", { authorization: "Bearer " }],
			["a wrong one", { authorization: "Bearer not-the-key" }],
			["a wrong one in the other header", { "x-api-key": "not-the-key" }],
			["the right one with a letter more", { authorization: `Bearer ${KEY}0` }],
			["the right one without its last letter", { authorization: `Bearer ${KEY.slice(0, -1)}` }],
			["the right one by another scheme", { authorization: `Basic ${KEY}` }],
			["the right one without a scheme", { authorization: KEY }],
			["a wrong one before the right one", { authorization: "Bearer not-the-key", "x-api-key": KEY }],
			["something to be searched for", { "x-api-key": "' OR 1=1 --" }],
		])("that is %s opens nothing", async (_, headers) => {
			for (const path of ["/v1/jobs/unknown", "/v1/jobs/unknown/timeline", "/v1/endpoints/unknown"]) {
				const response = await read(headers as Record<string, string>, path);
				expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, 'Bearer realm="jobhook"']);
				expect(await refusalOf(response)).toMatchObject({ code: "unauthorized" });
			}
			const before = await rowCount(world.deps.db);
			for (const path of ["/v1/jobs", "/v1/endpoints"]) {
				const init = { method: "POST", headers: { "content-type": "application/json", ...headers } as Record<string, string> };
				expect((await world.app.request(`${GATEWAY}${path}`, { ...init, body: jobText() })).status).toBe(401);
			}
			expect(await rowCount(world.deps.db)).toBe(before);
		});

		it("is taken as Authorization: Bearer, in any case, and as X-API-KEY", async () => {
			for (const headers of [{ authorization: `Bearer ${KEY}` }, { authorization: `bearer  ${KEY} ` }, { "x-api-key": KEY }])
				expect((await read(headers as Record<string, string>)).status).toBe(404);
		});

		it("that was made here works until it is revoked", async () => {
			const { id, key } = await createKey(world.deps, world.appId, { name: "made", scopes: ["admin"] });
			expect(key).toMatch(/^jh_[\w-]{32}$/);
			const job = await submitted(world);
			expect((await read(as(key), `/v1/jobs/${job}`)).status).toBe(200);
			await world.deps.db.batch([revoke.bind({ key: id, now: world.now() })]);
			expect((await read(as(key), `/v1/jobs/${job}`)).status).toBe(401);
		});

		it("of another app finds nothing of this one, on any route with an id", async () => {
			const other = await otherApp(world);
			const job = await submitted(world);
			const { id: endpoint } = await world.endpoint();
			await world.pass(60_000);
			for (const path of [`/v1/jobs/${job}`, `/v1/jobs/${job}/timeline`, `/v1/endpoints/${endpoint}`]) {
				expect((await read(as(KEY), path)).status, path).toBe(200);
				const [theirs, nobodys] = [
					await read(as(other.key), path),
					await read(as(other.key), path.replace(/[0-9a-f]{6}(?=$|\/t)/, "abcdef")),
				];
				expect(theirs.status, path).toBe(404);
				const [told, expected] = [await refusalOf(theirs), await refusalOf(nobodys)];
				expect({ ...told, request_id: "" }).toEqual({ ...expected, request_id: "" });
			}
		});

		it("of another app gets 404 on every route that the document lists with an id of ours, and changes nothing", async () => {
			const other = await otherApp(world);
			const job = await submitted(world);
			const { id: endpoint } = await world.endpoint();
			await world.pass(60_000);
			const [event] = ((await (await world.request(`/v1/events?job=${job}`)).json()) as { data: { id: string }[] }).data;
			const [delivery] = ((await (await world.request(`/v1/deliveries?job=${job}`)).json()) as { data: { id: string }[] }).data;
			const recover = await post(world, `/v1/endpoints/${endpoint}/recover`, JSON.stringify({ since: "2026-01-01T00:00:00Z" }), as(KEY));
			const { id: recovery } = (await recover.json()) as { id: string };
			const ids: Record<string, string | undefined> = { jobs: job, endpoints: endpoint, events: event?.id, deliveries: delivery?.id };
			const { paths } = (await (await world.request("/openapi.json")).json()) as { paths: Record<string, Record<string, unknown>> };
			const before = await world.timeline(job);
			const walked: string[] = [];
			for (const [path, methods] of Object.entries(paths)) {
				const id = ids[path.split("/")[2] ?? ""];
				if (!path.startsWith("/v1/") || !path.includes("{id}") || id === undefined) continue;
				for (const method of Object.keys(methods)) {
					const body = method === "post" || method === "patch" ? BODIES[path] : undefined;
					const json = body === undefined ? {} : { "content-type": "application/json" };
					const init = { method: method.toUpperCase(), headers: { ...as(other.key), ...json }, ...(body === undefined ? {} : { body }) };
					expect((await world.request(path.replace("{id}", id).replace("{rec}", recovery), init)).status, `${method} ${path}`).toBe(404);
					walked.push(`${method} ${path}`);
				}
			}
			expect(walked.length).toBeGreaterThan(15);
			expect(await world.timeline(job)).toEqual(before);
		});

		it("of another app makes jobs and endpoints that are told nothing of this one's", async () => {
			const other = await otherApp(world);
			const url = "https://other.example.com/";
			expect((await post(world, "/v1/endpoints", JSON.stringify({ url }), as(other.key))).status).toBe(201);
			const ours = await submitted(world);
			const theirs = await post(world, "/v1/jobs", jobText(), as(other.key));
			const { id } = (await theirs.json()) as { id: string };
			await world.pass(60_000);
			expect((await read(as(KEY), `/v1/jobs/${id}`)).status).toBe(404);
			const toldThem = world.callbacks.filter((callback) => callback.url === url).map(({ body }) => JSON.parse(body).data.job.id as string);
			expect(toldThem).toEqual([id, id]);
			const targets = (await world.timeline(ours)).filter(({ kind }) => kind === "delivery").map(({ target }) => target);
			expect(targets).toEqual(["job", "job"]);
		});
	});
}
