import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { answer, broken, openWorld, type World } from "../../support/world.ts";
import { decartCalls, decartKnobs, EDIT, edited, sha256, upload } from "./decart-tools.ts";
import { eventsOf, submissionsOf } from "./tools.ts";

const MINUTE = 60_000;

export function decart(open: () => Promise<Db>): void {
	describe("a job for Decart, which posts no hooks", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());
		const content = (job: string) => world.request(`/v1/jobs/${job}/result`);
		const statuses = async () => (await decartCalls(world, "status")).map(({ at }) => Date.parse(at));

		it("is sent, asked about, its result fetched, and told of like any other", async () => {
			const job = await edited(world, { metadata: { order: 42 } });
			await world.pass(5000);
			expect(await world.job(job)).toMatchObject({ state: "completed", provider: "decart", type: "video_edit", model: "lucy-2.5" });
			expect(await eventsOf(world, job)).toEqual(["1 job.processing", "2 job.completed"]);
			const said = JSON.parse(world.callbacks.at(-1)!.body) as { data: Record<string, unknown> };
			expect(said.data).toMatchObject({ status: "done", job_type: "video_edit", job: { metadata: { order: 42 } } });
			const link = await world.app.request(said.data["result_url"] as string);
			const bytes = await link.bytes();
			expect([link.status, link.headers.get("content-type")]).toEqual([200, "video/mp4"]);
			expect(link.headers.get("etag")).toBe(`"${sha256(bytes)}"`);
			expect(Buffer.from(bytes.subarray(4, 8)).toString()).toBe("ftyp");
			expect(Buffer.from(await (await content(job)).bytes()).equals(bytes)).toBe(true);
			expect(await decartCalls(world, "content")).toHaveLength(1);
		});

		it("carries its fields and its file as multipart, and an alias of a model as it was given", async () => {
			await edited(world, { model: "lucy-latest" }, { prompt: "", seed: 7, enhance_prompt: false });
			await world.run();
			const [call] = await decartCalls(world, "submit");
			expect(call!.path).toBe("/v1/jobs/lucy-latest");
			expect(JSON.stringify(call)).toMatch(/"seed":"7"/);
			expect(JSON.stringify(call)).toMatch(/"enhance_prompt":"false"/);
			expect(JSON.stringify(call)).not.toMatch(/decart-key/);
		});

		it("is first asked about after half a second, and then never twice within 1.5 s", async () => {
			await decartKnobs(world, { jobs: { processingMs: MINUTE } });
			await edited(world);
			await world.run();
			const sent = world.now();
			await world.pass(MINUTE);
			const [first = 0, ...later] = await statuses();
			expect(first - sent).toBe(500);
			const gaps = later.map((at, i) => at - ([first, ...later][i] ?? 0));
			expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1500);
			expect(Math.max(...gaps)).toBeLessThanOrEqual(7200);
		});

		it("that fails there fails here, and no result is asked for", async () => {
			const job = await edited(world, {}, { prompt: "[fail]" });
			await world.pass(5000);
			expect(await world.job(job)).toMatchObject({ state: "failed", error: { code: "provider_failed" } });
			expect(await decartCalls(world, "content")).toEqual([]);
			expect(world.callbacks.map(({ headers }) => headers["x-deapi-event"])).toEqual(["job.processing", "job.failed"]);
		});

		it("43 one status poll that is answered 500 does not fail it", async () => {
			await decartKnobs(world, { calls: [{ call: "status", status: 500 }] });
			const job = await edited(world);
			await world.pass(10_000);
			expect((await world.job(job)).state).toBe("completed");
		});

		it("44 that is stuck in processing past the deadline fails, with one event for it", async () => {
			await decartKnobs(world, { jobs: { stuck: true, deadlineMs: null } });
			const job = await edited(world);
			await world.pass(10 * MINUTE);
			expect((await world.job(job)).state).toBe("processing");
			await world.pass(2 * MINUTE);
			expect(await world.job(job)).toMatchObject({ state: "failed", error: { code: "provider_timeout" } });
			await world.pass(60 * MINUTE);
			expect(await eventsOf(world, job)).toEqual(["1 job.processing", "2 job.failed"]);
			expect(world.callbacks.filter(({ headers }) => headers["x-deapi-event"] === "job.failed")).toHaveLength(1);
		});

		it("stands still while Decart is down for half an hour, and ends when it is back", async () => {
			await decartKnobs(world, { jobs: { processingMs: 8 * MINUTE, deadlineMs: null } });
			const job = await edited(world);
			await world.pass(MINUTE);
			world.onRequest(({ url }) => (url.includes("decart") ? broken("connect_failed", true) : null));
			await world.pass(MINUTE);
			world.jump(28 * MINUTE);
			await world.pass(MINUTE);
			expect((await world.job(job)).state).toBe("processing");
			await decartKnobs(world, { jobs: { statusWord: "processing" } }); // it lost half an hour, too
			world.onRequest(() => null);
			await world.pass(5 * MINUTE);
			expect((await world.job(job)).state).toBe("processing");
			await decartKnobs(world, { jobs: { statusWord: null } });
			await world.pass(MINUTE);
			expect((await world.job(job)).state).toBe("completed");
		});

		it("is not ended by a word that nobody knows", async () => {
			await decartKnobs(world, { jobs: { statusWord: "cancelled" } });
			const job = await edited(world);
			await world.pass(MINUTE);
			expect((await world.job(job)).state).toBe("submitted");
			await decartKnobs(world, { jobs: { statusWord: null } });
			await world.pass(MINUTE);
			expect((await world.job(job)).state).toBe("completed");
		});

		it.each([
			[422, '{"detail":"Prompt is too long: 1200 > 1000"}', "failed", "Prompt is too long: 1200 > 1000"],
			[422, '{"detail":[{"loc":["body","data"],"msg":"Field required","type":"missing"}]}', "failed", "data: Field required"],
			[404, "Not Found", "failed", "Decart answered 404: it may have no model lucy-2.5"],
			[401, '{"error":"Invalid API key"}', "queued", null],
			[429, "", "queued", null],
			[503, "", "queued", null],
		])("whose send is answered %i %s is %s then", async (code, body, state, message) => {
			let refusals = 0;
			world.onRequest(({ url, method }) => {
				if (method !== "POST" || !url.includes("decart")) return null;
				refusals++;
				return answer(code, {}, body);
			});
			const job = await edited(world);
			await world.run();
			expect(await world.job(job)).toMatchObject({ state, error: message === null ? null : { code: "provider_refused", message } });
			expect(refusals).toBe(1);
			if (state === "failed") return;
			world.onRequest(() => null);
			await world.pass(2 * MINUTE);
			expect((await world.job(job)).state).toBe("completed");
			expect(await decartCalls(world, "submit")).toHaveLength(1);
		});

		it("whose send has no certain end is never sent again, and fails after eleven minutes", async () => {
			world.onRequest(({ url, method }) => (method === "POST" && url.includes("decart") ? broken("connection_lost", false) : null));
			const job = await edited(world);
			await world.pass(10 * MINUTE);
			expect(await submissionsOf(world, job)).toMatchObject([{ state: "unknown", n: 1 }]);
			await world.pass(MINUTE);
			expect(await world.job(job)).toMatchObject({ state: "failed", error: { code: "submission_unknown" } });
		});

		it.each([
			["video_clip", { data: "file" }, "input.prompt"],
			["video_restyle", { data: "file" }, "input.prompt"],
			["video_restyle", { data: "file", prompt: "x", reference_image: "file" }, "input.prompt"],
			["video_edit", { prompt: "x" }, "input.data"],
			["video_edit", { data: "file", resolution: "360p" }, "input.resolution"],
			["image_edit", { data: "file", prompt: "x" }, "input.data"],
			["image_edit", { data: "file", prompt: "x".repeat(1001) }, "input.prompt"],
			["video_edit", { data: "ftp://example.com/a.mp4" }, "input.data"],
			["video_edit", { data: `file_${"0".repeat(32)}` }, "input.data"],
		])("of type %s with %j is refused, and the field named", async (type, wish, field) => {
			const id = await upload(world);
			const input = Object.fromEntries(Object.entries(wish).map(([name, value]) => [name, value === "file" ? id : value]));
			const response = await world.submit({ ...EDIT, type, model: "some-model", input });
			expect(response.status).toBe(422);
			const { error } = (await response.json()) as { error: { details: { field: string }[] } };
			expect(error.details.map((detail) => detail.field)).toContain(field);
		});

		it("names a model that this version does not know, but none of another type", async () => {
			await world.request("/v1/models?provider=decart");
			await edited(world, { model: "lucy-9" });
			await world.run();
			expect((await decartCalls(world, "submit")).map(({ path }) => path)).toEqual(["/v1/jobs/lucy-9"]);
			const response = await world.submit({ ...EDIT, model: "lucy-clip", input: { data: await upload(world) } });
			expect([response.status, await response.text()]).toEqual([422, expect.stringContaining("has for video_edit")]);
		});

		it.each([".", ".."])("whose model is %s reaches no other route of Decart's", async (model) => {
			const job = await edited(world, { model });
			await world.run();
			expect(await world.job(job)).toMatchObject({ state: "failed", error: { code: "provider_refused" } });
			expect(await decartCalls(world, "submit")).toEqual([]);
		});

		it("has no hook door and no price", async () => {
			const hook = await world.app.request("https://gateway.test/hooks/decart/x", { method: "POST", body: "{}" });
			expect(hook.status).toBe(404);
			const body = JSON.stringify({ provider: "decart", type: "video_edit", model: "lucy-2.5", input: { data: "file_1" } });
			const price = await world.request("/v1/price", { method: "POST", headers: { "content-type": "application/json" }, body });
			expect(price.status).toBe(422);
		});
	});
}
