import { afterEach, beforeEach, expect, it } from "vitest";
import type { Db } from "../../src/db/db.ts";
import { JobhookError } from "../../src/errors.ts";
import { accepted, hook, receipts, told } from "../suite/gateway/tools.ts";
import { freshSqlite } from "../support/sqlite.ts";
import { JOB, openWorld, type World } from "../support/world.ts";

let world: World;
let writable = true;
beforeEach(async () => {
	const db = freshSqlite();
	const refusing: Db = {
		...db,
		batch: (work) => (writable ? db.batch(work) : Promise.reject(new JobhookError("unavailable", "the database is full"))),
	};
	writable = true;
	world = await openWorld(refusing);
});
afterEach(() => world.close());

const submit = (body: string | Uint8Array<ArrayBuffer>) =>
	world.request("/v1/jobs", { method: "POST", headers: { "content-type": "application/json" }, body });

it.each([
	"javascript:alert(1)",
	"ftp://example.com/a.png",
	"not a link",
	"https://169.254.169.254/latest/",
	"http://localhost:8080/v1/keys",
])("a signed end whose link is %s ends nothing: the link is asked for instead", async (link) => {
	const { job, providerJob, url } = await accepted(world);
	await told(world, hook(world, { url, providerJob, event: "job.completed", data: { result_url: link } }));
	expect((await world.job(job)).state).toBe("processing");
	await world.pass(60_000);
	const done = await world.job(job);
	expect(done.state).toBe("completed");
	const result = await world.request(new URL(done["result_url"] as string).pathname + new URL(done["result_url"] as string).search);
	expect(result.headers.get("location")).toMatch(/^https:\/\/api\.sandbox\.test\//);
});

it("a link with line breaks in it is followed without them, and is no 500", async () => {
	const { job, providerJob, url } = await accepted(world);
	const data = { result_url: "https://example.com/a\r\nset-cookie: b=1.png" };
	await told(world, hook(world, { url, providerJob, event: "job.completed", data }));
	const link = new URL((await world.job(job))["result_url"] as string);
	const answer = await world.request(link.pathname + link.search);
	expect(answer.status).toBe(302);
	expect(answer.headers.get("set-cookie")).toBeNull();
});

it("a provider's endless error message is cut before it goes into every callback", async () => {
	const { job, providerJob, url } = await accepted(world);
	const data = { error_code: "X\u0000Y", error_message: "no ".repeat(300_000) };
	await told(world, hook(world, { url, providerJob, event: "job.failed", data }));
	const { error } = await world.job(job);
	expect(error?.code).toBe("X\ufffdY");
	expect(error?.message).toHaveLength(2000);
	expect(await receipts(world)).toHaveLength(1);
});

it("a submit that is not UTF-8 is refused, not repaired in silence", async () => {
	const response = await submit(new Uint8Array([...Buffer.from('{"provider":"'), 0xff, 0xfe, ...Buffer.from('"}')]));
	expect(response.status).toBe(400);
	expect(await response.json()).toMatchObject({ error: { code: "invalid_request", message: "the body is not valid UTF-8" } });
});

it.each([
	["more parts than any request has", JSON.stringify({ metadata: { a: Array.from({ length: 200_000 }, () => []) } }), "body"],
	[
		"an event type 40,000 times",
		JSON.stringify({ ...JOB, webhook_events: Array.from({ length: 40_000 }, () => "job.failed") }),
		"webhook_events",
	],
])("%s is a 422 that names it", async (_, body, field) => {
	const response = await submit(body);
	expect(response.status).toBe(422);
	const { error } = (await response.json()) as { error: { details: { field: string }[] } };
	expect(error.details.map((detail) => detail.field)).toContain(field);
});

it("a database that takes no writes is not ready, however well it reads", async () => {
	expect((await world.request("/readyz")).status).toBe(200);
	writable = false;
	const response = await world.request("/readyz");
	expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
	expect((await world.request("/healthz")).status).toBe(200);
});
