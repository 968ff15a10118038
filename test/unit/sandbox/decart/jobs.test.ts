import { describe, expect, it } from "vitest";
import { createWorld, otherKey, read, refusalOf, whole } from "./world.ts";

describe("Decart conformance: a job", () => {
	it("9 its status is its id and one of four words, which only go on", async () => {
		const { submitted, request, status, pass } = createWorld();
		const id = await submitted();
		expect(await read(await request(`/v1/jobs/${id}`))).toEqual({ job_id: id, status: "pending" });
		const seen: string[] = [];
		for (let i = 0; i < 20; i++) {
			seen.push(await status(id));
			await pass(100);
		}
		expect([...new Set(seen)]).toEqual(["pending", "processing", "completed"]);
		expect(seen.toSorted((a, b) => order.indexOf(a) - order.indexOf(b))).toEqual(seen);
	});

	it("11 content is refused before completion; then it is a film, the same bytes each time", async () => {
		const { submitted, content, pass } = createWorld();
		const id = await submitted();
		for (const ms of [0, 300]) {
			await pass(ms);
			expect(await refusalOf(content(id))).toEqual([409, { detail: "Job is not completed" }]);
		}
		await pass(1500);
		const [first, second] = [await content(id), await content(id)];
		expect([first.status, first.headers.get("content-type")]).toEqual([200, "video/mp4"]);
		const bytes = await first.arrayBuffer();
		expect(first.headers.get("content-length")).toBe(String(bytes.byteLength));
		expect(bytes.byteLength).toBeGreaterThan(100);
		expect(Buffer.from(await second.arrayBuffer()).equals(Buffer.from(bytes))).toBe(true);
		expect(await refusalOf(content("unknown"))).toEqual([404, { detail: "Job not found" }]);
	});

	it("13 a failed job has no content", async () => {
		const { submitted, status, content, pass } = createWorld();
		const id = await submitted("lucy-clip", { ...whole, prompt: "a fox [fail]" });
		await pass(1800);
		expect(await status(id)).toBe("failed");
		expect((await content(id)).status).toBe(409);
	});
});
const order = ["pending", "processing", "completed", "failed"];

describe("a job", () => {
	it("belongs to the key that made it, and is nobody else's", async () => {
		const { submitted, request, content } = createWorld();
		const id = await submitted();
		const headers = { "x-api-key": otherKey };
		expect(await refusalOf(request(`/v1/jobs/${id}`, { headers }))).toEqual([404, { detail: "Job not found" }]);
		expect((await content(id, headers)).status).toBe(404);
	});

	it("fails by a knob, so many times", async () => {
		const { submitted, status, pass } = createWorld({ knobs: { jobs: { failNext: 1 } } });
		const ids = [await submitted(), await submitted()];
		await pass(1800);
		expect([await status(ids[0]!), await status(ids[1]!)]).toEqual(["failed", "completed"]);
	});

	it("that stays in processing fails ten minutes after its submit, or never", async () => {
		const { submitted, status, pass, patch } = createWorld({ knobs: { jobs: { stuck: true } } });
		const stuck = await submitted();
		await patch({ jobs: { deadlineMs: null } });
		const forever = await submitted();
		await pass(599_999);
		expect(await status(stuck)).toBe("processing");
		await pass(1);
		expect(await status(stuck)).toBe("failed");
		await pass(100 * 600_000);
		expect(await status(forever)).toBe("processing");
	});

	it("runs at the pace of the knobs and the time factor", async () => {
		const { submitted, status, pass } = createWorld({ timeFactor: 0.1, knobs: { jobs: { pendingMs: 1000, processingMs: 2000 } } });
		const id = await submitted();
		await pass(99);
		expect(await status(id)).toBe("pending");
		await pass(1);
		expect(await status(id)).toBe("processing");
		await pass(200);
		expect(await status(id)).toBe("completed");
	});

	it("may be told of in a word that nobody knows", async () => {
		const { submitted, status, patch } = createWorld({ knobs: { jobs: { statusWord: "moderating" } } });
		const id = await submitted();
		expect(await status(id)).toBe("moderating");
		await patch({ jobs: { statusWord: null } });
		expect(await status(id)).toBe("pending");
	});

	it("stands still in a sandbox that is closed", async () => {
		const { sandbox, submitted, status, pass, timersLeft } = createWorld();
		const id = await submitted();
		sandbox.close();
		expect(timersLeft()).toBe(0);
		await pass(10_000);
		expect(await status(id)).toBe("pending");
	});
});
