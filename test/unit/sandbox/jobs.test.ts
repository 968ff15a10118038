import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { createWorld, fullBody } from "./world.ts";

const keys = ["status", "preview", "result_url", "results_alt_formats", "result", "progress"];

describe("a job", () => {
	it("44: reads pending right after the submit, with exactly the documented keys", async () => {
		const { submitted, status } = createWorld();
		const first = await status(await submitted());
		expect(Object.keys(first)).toEqual(keys);
		expect(first).toEqual({ status: "pending", preview: null, result_url: null, results_alt_formats: null, result: null, progress: 0 });
	});

	it("44: reads processing with growing progress after 300 ms", async () => {
		const { submitted, status, pass } = createWorld();
		const id = await submitted();
		await pass(299);
		expect((await status(id)).status).toBe("pending");
		await pass(1);
		expect(await status(id)).toMatchObject({ status: "processing", progress: 0, result_url: null });
		await pass(375);
		expect(await status(id)).toMatchObject({ status: "processing", progress: 25, result_url: null });
	});

	it("45: is done after 1.5 s more, and its picture needs no key", async () => {
		const { sandbox, submitted, status, pass } = createWorld();
		const id = await submitted(fullBody);
		await pass(1800);
		const done = await status(id);
		expect(done).toMatchObject({ status: "done", progress: 100 });
		expect(new URL(done.result_url ?? "").pathname).toBe(`/results/${id}.png`);
		const picture = await sandbox.app.request(done.result_url ?? "");
		expect(picture.status).toBe(200);
		expect(picture.headers.get("content-type")).toBe("image/png");
		const bytes = new Uint8Array(await picture.arrayBuffer());
		expect(Number(picture.headers.get("content-length"))).toBe(bytes.length);
		expect(decode(bytes)).toMatchObject({ width: 512, height: 256 });
	});

	it("46: that failed reads 200 with status error and no result", async () => {
		const { request, submitted, status, pass, patch } = createWorld();
		await patch({ jobs: { failNext: 1 } });
		const id = await submitted();
		await pass(1800);
		expect((await request(`/api/v1/client/request-status/${id}`)).status).toBe(200);
		const failed = await status(id);
		expect(Object.keys(failed)).toEqual(keys);
		expect(failed).toMatchObject({ status: "error", result_url: null, progress: expect.any(Number) });
	});

	it("47: nobody submitted is answered 404 with a message", async () => {
		const answer = await createWorld().request("/api/v1/client/request-status/123e4567-e89b-12d3-a456-426614174000");
		expect(answer.status).toBe(404);
		expect(await answer.json()).toEqual({ message: "No query results for the requested resource." });
	});

	it("48: only ever moves forward through the four words", async () => {
		for (const failNext of [0, 1]) {
			const { submitted, status, pass, patch } = createWorld();
			await patch({ jobs: { failNext } });
			const id = await submitted();
			const seen: string[] = [];
			for (let i = 0; i < 60; i++) {
				seen.push((await status(id)).status);
				await pass(50);
			}
			expect([...new Set(seen)]).toEqual(["pending", "processing", failNext === 1 ? "error" : "done"]);
			expect(seen).toEqual(seen.toSorted((a, b) => seen.indexOf(a) - seen.indexOf(b)));
		}
	});

	it("runs faster by the time factor, and as slowly as the knobs say", async () => {
		const fast = createWorld({ timeFactor: 0.001 });
		const id = await fast.submitted();
		await fast.pass(2);
		expect((await fast.status(id)).status).toBe("done");

		const slow = createWorld({ knobs: { jobs: { pendingMs: 0, processingMs: 86_400_000 } } });
		const slowId = await slow.submitted();
		await slow.pass(80_000_000);
		expect((await slow.status(slowId)).status).toBe("processing");
	});
});

describe("result_url", () => {
	async function finished(options = {}) {
		const world = createWorld(options);
		const id = await world.submitted(fullBody);
		await world.pass(5_000);
		return Object.assign(world, { id, link: async () => (await world.status(id)).result_url ?? "" });
	}

	it("is a fresh one at every reading, and each of them works", async () => {
		const { link, sandbox } = await finished();
		const links = [await link(), await link()];
		expect(new Set(links).size).toBe(2);
		for (const url of links) expect((await sandbox.app.request(url)).status).toBe(200);
	});

	it("is answered 403 once it has run out, while a fresh one works", async () => {
		const { link, sandbox, pass } = await finished({ resultTtlMs: 60_000 });
		const old = await link();
		await pass(59_000);
		expect((await sandbox.app.request(old)).status).toBe(200);
		await pass(2_000);
		expect((await sandbox.app.request(old)).status).toBe(403);
		expect((await sandbox.app.request(await link())).status).toBe(200);
	});

	it("opens nothing else: a stretched, a moved and a missing token are answered 403", async () => {
		const { link, sandbox, id, submitted } = await finished();
		const other = await submitted(fullBody);
		const stretched = new URL(await link());
		stretched.searchParams.set("expires", "9999999999");
		for (const url of [stretched.href, (await link()).replace(id, other), `http://sandbox.test/results/${id}.png`])
			expect([url, (await sandbox.app.request(url)).status]).toEqual([url, 403]);
	});
});
