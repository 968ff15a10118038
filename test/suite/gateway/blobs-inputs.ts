import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { answer, openWorld, submitted, type World } from "../../support/world.ts";
import { breakable, post, refusalOf, rowCount } from "./doors.ts";
import { laneOf, submissionsOf } from "./tools.ts";
import { EXAMPLES } from "./types-examples.ts";

const HOUR = 3_600_000;
const KIB_64 = 65_536;
/** A job whose input has so many bytes as JSON. */
export const longJob = (bytes: number, letter = "x") => {
	const size = new TextEncoder().encode(letter).length;
	return { ...EXAMPLES["txt2embedding"], input: { input: letter.repeat(Math.floor((bytes - 12) / size)).padEnd(1) } };
};
const LONG = longJob(200_000);

export function longInputs(open: () => Promise<Db>): void {
	describe("a long input", () => {
		let world: World;
		let db: ReturnType<typeof breakable>;
		/** What reached the provider as a job. */
		let sent: { input: unknown }[];
		beforeEach(async () => {
			db = breakable(await open());
			world = await openWorld(db);
			sent = [];
			world.onRequest(({ url, body }) => {
				if (!url.endsWith("/txt2embedding")) return null;
				sent.push(JSON.parse(String(body)) as { input: unknown });
				return answer(200, {}, JSON.stringify({ data: { request_id: crypto.randomUUID() } }));
			});
		});
		afterEach(() => world.close());

		it.each([
			["64 KiB stands in its row", longJob(KIB_64), 0],
			["one byte more is kept apart", longJob(KIB_64 + 1), 1],
			["64 KiB is counted in bytes, not in characters", longJob(KIB_64 + 2, "ü"), 1],
			["2 MiB, which no row of D1 holds, is kept apart", longJob(2_000_000, "𝄞"), 1],
		])("of %s; it comes back and reaches the provider as it was sent", async (_, wish, kept) => {
			const response = await world.submit(wish);
			expect(response.status).toBe(202);
			const accepted = (await response.json()) as { id: string; input: unknown };
			expect(accepted.input).toEqual(wish.input);
			expect(world.blobs.keys("inputs")).toHaveLength(kept);
			expect((await world.job(accepted.id))["input"]).toEqual(wish.input);
			await world.run();
			expect(sent).toMatchObject([wish.input]);
		});

		it("is not read for a list, a timeline or the job's end", async () => {
			const job = await submitted(world, LONG);
			await world.run();
			world.blobs.breaks("get");
			expect((await world.request("/v1/jobs")).status).toBe(200);
			expect((await world.timeline(job)).length).toBeGreaterThan(0);
			expect((await post(world, `/v1/jobs/${job}/cancel?forget=true`, undefined)).status).toBe(200);
		});

		it("that cannot be kept is answered 503 with what to do, and nothing is written", async () => {
			const rows = await rowCount(db);
			world.blobs.breaks("put");
			for (const headers of [{}, { "idempotency-key": "k" }] as Record<string, string>[]) {
				const response = await world.submit(LONG, headers);
				expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
				expect(await refusalOf(response)).toMatchObject({ code: "unavailable", message: expect.stringContaining("large bodies") });
			}
			expect([await rowCount(db), world.blobs.kept.size]).toEqual([rows, 0]);
			expect((await world.submit(EXAMPLES["txt2embedding"])).status).toBe(202);
			world.blobs.breaks();
			const later = await world.submit(LONG, { "idempotency-key": "k" });
			expect([later.status, later.headers.get("idempotent-replayed")]).toEqual([202, null]);
		});

		it("is kept before its row: one that cannot be read back is never accepted", async () => {
			db.broken = "writes";
			expect((await world.submit(LONG)).status).toBe(503);
			expect(world.blobs.keys("inputs")).toHaveLength(1);
			db.broken = "no";
			expect(((await (await world.request("/v1/jobs")).json()) as { data: unknown[] }).data).toEqual([]);
		});

		it("under an Idempotency-Key is kept once, told from another one, and answered the same", async () => {
			const keyed = (wish: object) => post(world, "/v1/jobs", JSON.stringify({ provider: "deapi", ...wish }), { "idempotency-key": "k" });
			const first = (await (await keyed(LONG)).json()) as { id: string };
			const again = await keyed(LONG);
			expect([again.status, again.headers.get("idempotent-replayed")]).toEqual([202, "true"]);
			expect(await again.json()).toEqual(first);
			for (const other of [longJob(200_000, "y"), EXAMPLES["txt2embedding"]!]) expect((await keyed(other)).status).toBe(409);
			expect(world.blobs.kept.size).toBe(1);
		});

		it("under one Idempotency-Key at once makes one job, which has its own", async () => {
			const answers = await Promise.all(Array.from({ length: 8 }, () => world.submit(LONG, { "idempotency-key": "k" })));
			const jobs = await Promise.all(answers.map(async (one) => (await one.json()) as { id: string; input: unknown }));
			expect(new Set(jobs.map(({ id }) => id)).size).toBe(1);
			expect(jobs.every(({ input }) => JSON.stringify(input) === JSON.stringify(LONG.input))).toBe(true);
		});

		it("that cannot be read now is not sent, and holds up no other job; later it is", async () => {
			const job = await submitted(world, LONG);
			world.blobs.breaks("get");
			await world.run();
			const other = await submitted(world, EXAMPLES["txt2embedding"]);
			await world.run();
			expect(sent).toMatchObject([EXAMPLES["txt2embedding"]!.input]);
			expect(await submissionsOf(world, other)).toMatchObject([{ state: "accepted" }]);
			expect(await submissionsOf(world, job)).toMatchObject([{ state: "not_taken", reason: "input_unavailable" }, { state: "pending" }]);
			expect(await world.job(job)).toMatchObject({ state: "queued", input: null });
			world.blobs.breaks();
			await world.pass(60_000);
			expect(sent).toMatchObject([{}, LONG.input]);
			expect(await laneOf(world, "status")).toMatchObject({ strikes: 0 });
		});

		it("that cannot be read until the deadline of dispatch ends its job, which was never sent", async () => {
			await world.close();
			world = await openWorld(await open(), { env: { DISPATCH_DEADLINE_H: "1" } });
			const job = await submitted(world, LONG);
			world.blobs.breaks("get");
			await world.pass(HOUR);
			const { state, error } = await world.job(job);
			expect([state, error]).toEqual(["failed", { code: "not_dispatched", message: expect.stringContaining("input_unavailable") }]);
			expect(await world.calls("txt2embedding")).toEqual([]);
		});

		it.each([
			["is gone", () => world.blobs.kept.clear()],
			["is not what was kept", () => world.blobs.kept.set(world.blobs.keys("inputs")[0]!, new Uint8Array([123]))],
		])("that %s is never sent in pieces, and its job can still be read and ended", async (_, spoil) => {
			const job = await submitted(world, LONG);
			const [blob] = world.blobs.keys("inputs");
			spoil();
			await world.run();
			expect(sent).toEqual([]);
			expect(world.lines).toContainEqual({
				level: "error",
				what: expect.stringMatching(/^blob\./),
				fields: expect.objectContaining({ blob }),
			});
			if ((await world.job(job)).state === "queued") expect((await post(world, `/v1/jobs/${job}/cancel`, undefined)).status).toBe(200);
			else expect((await world.job(job)).error).toMatchObject({ code: "not_dispatched" });
			expect(await world.job(job)).toMatchObject({ input: null });
		});
	});
}
