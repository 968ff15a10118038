import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { openWorld, type World } from "../../support/world.ts";
import { accepted, answerFor, hook, told } from "./tools.ts";
import { done, EXAMPLES } from "./types-examples.ts";

const HOUR = 3_600_000;
const LONG = "ü".repeat(50_000);
const LINK = "https://storage.deapi.ai/r/a.txt";

export function longResults(open: () => Promise<Db>): void {
	describe("a long result", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
			world.holdHooks(true);
		});
		afterEach(() => world.close());
		const result = (job: string) => world.request(`/v1/jobs/${job}/result`);
		const inCallback = () => (JSON.parse(world.callbacks.at(-1)!.body) as { data: { result?: string } }).data.result;

		/** A job whose success has been told; what it made is this text, or behind this link. */
		async function toFetch(text: unknown, link: string | null = LINK, type = "transcribe") {
			const taken = await accepted(world, EXAMPLES[type]);
			answerFor(world, "/request-status/", () => done(text, link));
			await told(world, hook(world, { ...taken, event: "job.completed" }));
			return taken.job;
		}

		it.each([
			["64 KiB stands in its row", "x".repeat(65_536), 0, true],
			["one byte more is kept apart", "x".repeat(65_537), 1, true],
			["more than 256 KiB comes by its link alone", "ü".repeat(131_073), 1, false],
			["8 MiB, signs and all, comes back letter for letter", `\ufeff${"𝄞\r\n\t".repeat(1_000_000)}`, 1, false],
		])("of %s", async (_, text, kept, inline) => {
			const job = await toFetch(text);
			await world.run();
			expect(world.blobs.keys("results")).toHaveLength(kept);
			const view = await world.job(job);
			expect(view.state).toBe("completed");
			for (const response of [await result(job), await world.app.request(view["result_url"] as string)]) {
				expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/plain; charset=utf-8"]);
				const bytes = new Uint8Array(await response.arrayBuffer());
				expect(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) === text).toBe(true);
			}
			expect(inCallback()).toBe(inline ? text : undefined);
		});

		it("of vectors is JSON, wherever it is kept", async () => {
			const vectors = Array.from({ length: 100 }, (_, i) => Array.from({ length: 200 }, (_, j) => i + j / 1024));
			const job = await toFetch(vectors, null, "txt2embedding");
			await world.run();
			const response = await result(job);
			expect([response.headers.get("content-type"), world.blobs.keys("results").length]).toEqual(["application/json", 1]);
			expect(await response.json()).toEqual(vectors);
		});

		it("that cannot be kept now is fetched again, and the job completes with it", async () => {
			const job = await toFetch(LONG);
			world.blobs.breaks("put");
			await world.pass(60_000);
			expect(await world.job(job)).toMatchObject({ state: "processing" });
			world.blobs.breaks();
			await world.pass(60_000);
			expect(await world.job(job)).toMatchObject({ state: "completed" });
			expect(await (await result(job)).text()).toBe(LONG);
			expect(world.blobs.kept.size).toBe(1);
		});

		it("that cannot be kept for an hour stays at the provider, behind its link: it was paid for", async () => {
			const job = await toFetch(LONG);
			world.blobs.breaks("put");
			await world.pass(HOUR - 1);
			expect(await world.job(job)).toMatchObject({ state: "processing" });
			await world.pass(1);
			expect(await world.job(job)).toMatchObject({ state: "completed" });
			expect((await result(job)).headers.get("location")).toBe(LINK);
		});

		it("that cannot be kept for an hour, and has no link, is unavailable", async () => {
			const job = await toFetch(LONG, null);
			world.blobs.breaks("put");
			await world.pass(HOUR);
			expect(await world.job(job)).toMatchObject({ state: "failed", error: { code: "result_unavailable" } });
		});

		it("that cannot be read now is 503; one that is gone leads to the provider, if there is a link", async () => {
			const [linked, bare] = [await toFetch(LONG), await toFetch(LONG, null)];
			await world.run();
			world.blobs.breaks("get");
			expect([(await result(linked)).status, (await result(bare)).status]).toEqual([503, 503]);
			expect((await world.app.request((await world.job(bare))["result_url"] as string)).status).toBe(503);
			world.blobs.breaks();
			world.blobs.kept.clear();
			expect([(await result(linked)).status, (await result(bare)).status]).toEqual([302, 404]);
		});

		it("that two processes fetch, one of them too late, is one: the row names what was kept for it", async () => {
			const job = await toFetch(LONG);
			await world.claimAndDie();
			world.jump(10 * 60_000);
			const put = world.deps.blobs.put;
			let release = () => {};
			const late = new Promise<void>((resolve) => {
				release = resolve;
			});
			// the first one hangs over its put until the other one has done it all
			world.deps.blobs.put = async (...args) => {
				world.deps.blobs.put = put;
				await late;
				return put(...args);
			};
			const first = world.run();
			await world.settle();
			world.jump(10 * 60_000);
			world.restart();
			answerFor(world, "/request-status/", () => done(`${LONG} again`));
			await world.run();
			expect(await (await result(job)).text()).toBe(`${LONG} again`);
			release();
			await first;
			expect(world.blobs.keys("results")).toHaveLength(2);
			expect(await (await result(job)).text()).toBe(`${LONG} again`);
		});
	});
}
