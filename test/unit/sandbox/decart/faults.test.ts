import { describe, expect, it } from "vitest";
import { createWorld, key, read, refusalOf, whole } from "./world.ts";

describe("faults of a call", () => {
	it("a status for the next calls, with a Retry-After", async () => {
		const { submit, patch, calls } = createWorld();
		await patch({ calls: [{ call: "submit", status: 503, times: 2, retryAfter: 7 }] });
		for (let i = 0; i < 2; i++) {
			const answer = await submit();
			expect(answer.headers.get("retry-after")).toBe("7");
			expect(await refusalOf(answer)).toEqual([503, { detail: "Service Unavailable" }]);
		}
		expect((await submit()).status).toBe(200);
		const seen = (await calls()).map(({ call, status, fault, fields }) => [call, status, fault, fields?.["prompt"]]);
		expect(seen).toEqual([
			["submit", 503, "status 503", whole["prompt"]],
			["submit", 503, "status 503", whole["prompt"]],
			["submit", 200, null, whole["prompt"]],
		]);
	});

	it("each call is met by its own; a star meets any", async () => {
		const { request, patch, post } = createWorld();
		await patch({
			calls: [
				{ call: "tokens", status: 403 },
				{ call: "quota", status: 429 },
				{ call: "*", status: 500 },
			],
		});
		expect(await refusalOf(post("/v1/models/resolve", {}))).toEqual([500, { detail: "Internal Server Error" }]);
		expect(await refusalOf(post("/v1/client/tokens", {}))).toEqual([403, { error: "Forbidden" }]);
		const limited = await request("/v1/realtime/quota");
		expect([limited.status, limited.headers.get("retry-after")]).toEqual([429, "60"]);
	});

	it("an answer that is not Decart's own", async () => {
		const { request, patch } = createWorld();
		await patch({
			calls: [
				{ call: "quota", status: 502, text: "<h1>Bad gateway</h1>" },
				{ call: "quota", text: "{" },
			],
		});
		const html = await request("/v1/realtime/quota");
		expect([html.status, html.headers.get("content-type"), await html.text()]).toEqual([502, "text/html", "<h1>Bad gateway</h1>"]);
		const broken = await request("/v1/realtime/quota");
		expect([broken.status, await broken.text()]).toEqual([200, "{"]);
	});

	it("silence, then 504, or the real answer when the work was done first", async () => {
		const { submit, patch, pass, calls, timersSet } = createWorld();
		await patch({
			calls: [
				{ call: "submit", hangMs: 5000 },
				{ call: "submit", hangMs: 5000, createFirst: true },
			],
		});
		const hanging = [submit(), submit()];
		await timersSet(3); // two silences, and the job that was made
		await pass(4999);
		expect((await calls()).map(({ status }) => status)).toEqual([null, null]);
		await pass(1);
		expect((await Promise.all(hanging)).map(({ status }) => status).toSorted()).toEqual([200, 504]);
	});

	it("a job may be made and its answer lost", async () => {
		const { submit, patch, pass, calls, timersLeft } = createWorld();
		await patch({
			calls: [
				{ call: "submit", createFirst: true, status: 500 },
				{ call: "submit", createFirst: true, reset: true },
			],
		});
		expect(await refusalOf(submit())).toEqual([500, { detail: "Internal Server Error" }]);
		await expect(submit()).rejects.toThrow("connection cut");
		expect(timersLeft()).toBe(2);
		await pass(0);
		expect((await calls()).map(({ status, fault }) => [status, fault])).toEqual([
			[500, "createFirst, status 500"],
			[null, "createFirst, reset"],
		]);
	});
});

describe("the control surface", () => {
	const path = "/_sandbox/decart/knobs";

	it("needs no key; a patch changes what it names, a reset goes back to the start", async () => {
		const { request, knobs, patch } = createWorld({ knobs: { promptMax: 750 } });
		const before = await knobs();
		expect(before).toMatchObject({ promptMax: 750, legacy: true, jobs: { pendingMs: 300, stuck: false } });
		expect((await request(path, { headers: { "x-api-key": "" } })).status).toBe(200);
		const after = await read(await patch({ jobs: { stuck: true }, content: { slowMs: 5 } }));
		expect(after).toEqual({ ...before, jobs: { ...before.jobs, stuck: true }, content: { ...before.content, slowMs: 5 } });
		expect(await read(await request(path, { method: "DELETE" }))).toEqual(before);
	});

	it("refuses what it does not know by name, and then sets nothing", async () => {
		const { request, knobs } = createWorld();
		const patch = { legacy: false, jobs: { stcuk: true }, calls: [{ call: "content" }, { call: "content", body: "half" }] };
		const [status, body] = await refusalOf(request(path, { method: "PATCH", body: JSON.stringify(patch) }));
		expect(status).toBe(400);
		const { message } = body as { message: string };
		for (const text of ["unknown knob jobs.stcuk", "calls.0: one of status", "calls.1.body:"]) expect(message).toContain(text);
		expect((await knobs()).legacy).toBe(true);
	});

	it("tells the newest thousand calls, and never a key", async () => {
		const { request, post, calls } = createWorld();
		const { apiKey } = await read<{ apiKey: string }>(await post("/v1/client/tokens", { metadata: { a: 1 } }));
		await request(`/v1/realtime/quota?api_key=${key}`, { headers: { "x-api-key": apiKey } });
		await request("/v1/nope", { headers: { "x-api-key": "dct_wrong" } });
		const log = await calls();
		expect(log.map(({ call, key: kind, path: at, status }) => [call, kind, at, status])).toEqual([
			["tokens", "permanent", "/v1/client/tokens", 200],
			["quota", "client", "/v1/realtime/quota", 200],
			[null, null, "/v1/nope", 404],
		]);
		for (const secret of [key, apiKey, "dct_wrong"]) expect(JSON.stringify(log)).not.toContain(secret);
		for (let i = 0; i < 1005; i++) await request(`/v1/nope/${i}`);
		expect(await calls()).toHaveLength(1000);
	});
});
