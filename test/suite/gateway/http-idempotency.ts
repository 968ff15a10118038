import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { JOB, openWorld, type World } from "../../support/world.ts";
import { as, otherApp, post, refusalOf, rowCount } from "./doors.ts";

const WEEK = 7 * 86_400_000;
const WISH = { ...JOB, metadata: { order: 7, lines: [{ sku: "a", n: 1 }] } };
/** The same wish, its fields in another order. */
const TURNED = {
	metadata: { lines: [{ n: 1, sku: "a" }], order: 7 },
	webhook_url: JOB.webhook_url,
	input: Object.fromEntries(Object.entries(JOB.input).toReversed()),
	model: JOB.model,
	type: JOB.type,
	provider: JOB.provider,
};

export function idempotency(open: () => Promise<Db>): void {
	describe("an Idempotency-Key", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		/** Status, whether it was a replay, and the job's id. */
		async function submit(wish: object, key: string, headers: Record<string, string> = {}) {
			const response = await post(world, "/v1/jobs", JSON.stringify(wish), { "idempotency-key": key, ...headers });
			const { id } = (await response.clone().json()) as { id?: string };
			return { response, status: response.status, replayed: response.headers.get("idempotent-replayed"), id };
		}

		it("makes one job of equal requests, whatever the order of their fields, at every stage of the job", async () => {
			const first = await submit(WISH, "order-7");
			expect(first).toMatchObject({ status: 202, replayed: null });
			const rows = await rowCount(world.deps.db);
			expect(await submit(TURNED, "order-7")).toMatchObject({ status: 202, replayed: "true", id: first.id });
			expect(await rowCount(world.deps.db)).toBe(rows);
			await world.pass(60_000);
			const later = await submit(TURNED, "order-7");
			expect(later).toMatchObject({ status: 202, replayed: "true", id: first.id });
			expect(await later.response.json()).toMatchObject({ state: "completed" });
			expect(await world.calls("txt2img")).toHaveLength(1);
		});

		it.each([
			["another prompt", { ...WISH, input: { ...JOB.input, prompt: "another" } }],
			["another list's order", { ...WISH, metadata: { order: 7, lines: [{ sku: "a", n: 1 }, 2] } }],
			["a field less", { ...WISH, metadata: undefined }],
			["another callback", { ...WISH, webhook_url: "https://example.com/other" }],
			["a secret of its own", { ...WISH, webhook_secret: "s".repeat(32) }],
		])("with %s is a conflict and writes nothing", async (_, wish) => {
			await submit(WISH, "order-7");
			const rows = await rowCount(world.deps.db);
			const { response } = await submit(wish, "order-7");
			expect([response.status, (await refusalOf(response)).code]).toEqual([409, "idempotency_conflict"]);
			expect(await rowCount(world.deps.db)).toBe(rows);
		});

		it("makes one job of fifty requests at once, and all fifty are answered with it", async () => {
			const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => submit(i % 2 ? WISH : TURNED, "order-7")));
			expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
			expect(answers.filter(({ replayed }) => replayed === null)).toHaveLength(1);
			expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
			await world.pass(60_000);
			expect(await world.calls("txt2img")).toHaveLength(1);
			expect(world.lines.filter(({ what }) => what === "job.accepted")).toHaveLength(1);
		});

		it("of two different requests at once takes one and refuses the other", async () => {
			const answers = await Promise.all([submit(WISH, "k"), submit({ ...WISH, model: "ZImageTurbo_INT8" }, "k")]);
			expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([202, 409]);
		});

		it("is free again after seven days, and not before", async () => {
			const first = await submit(WISH, "order-7");
			world.jump(WEEK - 1);
			expect(await submit(WISH, "order-7")).toMatchObject({ replayed: "true", id: first.id });
			world.jump(1);
			const second = await submit({ ...WISH, model: "ZImageTurbo_INT8" }, "order-7");
			expect(second).toMatchObject({ status: 202, replayed: null });
			expect(second.id).not.toBe(first.id);
		});

		it("belongs to its app alone, and a wrong request does not use it up", async () => {
			const other = await otherApp(world);
			expect((await submit({ ...WISH, model: "" }, "order-7")).status).toBe(422);
			const ours = await submit(WISH, "order-7");
			const theirs = await submit(WISH, "order-7", as(other.key));
			expect([ours.replayed, theirs.replayed]).toEqual([null, null]);
			expect(theirs.id).not.toBe(ours.id);
			expect((await submit(WISH, "ORDER-7")).id).not.toBe(ours.id);
			expect((await submit(WISH, "~!*'();:@&=+$,/?%#[]")).status).toBe(202);
		});
	});
}
