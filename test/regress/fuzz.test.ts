import { afterEach, beforeEach, expect, it } from "vitest";
import { signDeapi } from "../../src/core/signature.ts";
import { call } from "../suite/gateway/calls.ts";
import { as, otherApp, post } from "../suite/gateway/doors.ts";
import { ACCOUNT_URL, receipts } from "../suite/gateway/tools.ts";
import { freshSqlite } from "../support/sqlite.ts";
import { GATEWAY, HOOK_SECRET, openWorld, type World } from "../support/world.ts";

let world: World;
let db: ReturnType<typeof freshSqlite>;
beforeEach(async () => {
	db = freshSqlite();
	world = await openWorld(db);
});
afterEach(() => world.close());

it("a submit that is refused for its Idempotency-Key leaves no lane behind", async () => {
	const key = { "idempotency-key": "order-42" };
	expect((await world.submit({}, key)).status).toBe(202);
	const input = { prompt: "in snow", data: "https://files.example.com/a.mp4" };
	const other = JSON.stringify({ provider: "decart", type: "video_edit", model: "lucy-2.5", input });
	expect((await post(world, "/v1/jobs", other, key)).status).toBe(409);
	const lanes = () => db.raw.prepare("SELECT id FROM lanes WHERE kind = 'input'").pluck().all();
	expect(lanes()).toEqual([]);
	expect((await post(world, "/v1/jobs", other, { "idempotency-key": "order-43" })).status).toBe(202);
	expect(lanes()).toEqual([`input/${world.appId}`]);
});

it("a result link with a parameter twice is refused as the document says", async () => {
	const answer = await world.app.request(`${GATEWAY}/results/job_019365f0a1b27c3d8e4f5061728394a5?exp=1&exp=2&sig=a`);
	expect(answer.status).toBe(422);
	const { paths } = (await (await world.app.request(`${GATEWAY}/openapi.json`)).json()) as {
		paths: Record<string, { get: { responses: object } }>;
	};
	expect(paths["/results/{id}"]?.get.responses).toHaveProperty("422");
});

it("a signed hook with U+0000 in its bytes is kept as base64 of them: PostgreSQL would change them as text", async () => {
	const body = new Uint8Array(Buffer.from('{"event":"job.completed",\u0000}'));
	const timestamp = String(Math.floor(world.now() / 1000));
	const headers = { "x-deapi-timestamp": timestamp, "x-deapi-signature": signDeapi(HOOK_SECRET, timestamp, body) };
	const answer = await world.app.request(ACCOUNT_URL, { method: "POST", headers, body });
	expect([answer.status, await answer.json()]).toEqual([200, { outcome: "unreadable" }]);
	expect((await receipts(world)).map((receipt) => receipt.body)).toEqual([Buffer.from(body).toString("base64")]);
});

it("another app's PATCH, enable and disable of an endpoint change nothing of it, not even in the millisecond of its owner's own switch", async () => {
	const { id } = await world.endpoint({ rate: { limit: 1, period_s: 60 } });
	await call(world, "POST", `/v1/endpoints/${id}/disable`);
	const rows = () => ["endpoints", "lanes"].map((table) => db.raw.prepare(`SELECT * FROM ${table} WHERE id = ?`).get(id));
	// as its owner's switch and its sends may leave it: failures that still count, starts that are not paid for
	db.raw.prepare("UPDATE endpoints SET failing_since = 1, failures = 3, judge_at = 5 WHERE id = ?").run(id);
	db.raw.prepare("UPDATE lanes SET paced_at = ?, not_before = 7 WHERE id = ?").run(world.now() + 600_000, id);
	const before = rows();
	const other = as((await otherApp(world)).key);
	for (const body of [{ url: "https://other.example.com/" }, { max_in_flight: 2 }, { rate: null }])
		expect((await call(world, "PATCH", `/v1/endpoints/${id}`, body, other)).status).toBe(404);
	for (const verb of ["enable", "disable"])
		expect((await call(world, "POST", `/v1/endpoints/${id}/${verb}`, undefined, other)).status).toBe(404);
	expect((await call(world, "DELETE", `/v1/endpoints/${id}`, undefined, other)).status).toBe(404);
	expect(rows()).toEqual(before);
});
