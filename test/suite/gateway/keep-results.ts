import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { openWorld, PROVIDER, submitted, type World } from "../../support/world.ts";
import { accepted, eventsOf, hook, submissionsOf, told } from "./tools.ts";

const HOUR = 3_600_000;
const LINK = "https://elsewhere.example.com/a.png";

export function keepResults(open: () => Promise<Db>): void {
	describe("with KEEP_RESULTS a file that deAPI made", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open(), { env: { KEEP_RESULTS: "1" } });
		});
		afterEach(() => world.close());
		const result = async (job: string) => world.app.request((await world.job(job))["result_url"] as string);

		it("is copied before the job completes, and read from the copy", async () => {
			const job = await submitted(world);
			await world.pass(10_000);
			expect(await eventsOf(world, job)).toEqual(["1 job.processing", "2 job.completed"]);
			expect(world.blobs.keys("results")).toHaveLength(1);
			world.onRequest(() => ({ kind: "failed", reason: "connect_failed", before: true }));
			world.jump(25 * HOUR);
			const answer = await result(job);
			expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "image/png"]);
			expect(answer.headers.get("content-disposition")).toContain(`${job}.png`);
		});

		it("costs no question where its webhook told the link, and a fresh link where that has aged", async () => {
			await submitted(world);
			await world.pass(10_000);
			expect(await world.calls("request-status")).toEqual([]);
			await world.knobs({ calls: [{ call: "result", status: 403 }] });
			const aged = await submitted(world);
			await world.pass(10_000);
			expect(await world.calls("request-status")).toHaveLength(1);
			expect((await world.job(aged)).state).toBe("completed");
		});

		it("is reached by the link that its webhook told where nothing else could be had for an hour", async () => {
			await world.knobs({
				calls: [
					{ call: "result", status: 404, times: 1000 },
					{ call: "request-status", status: 429, times: 1000 },
				],
			});
			const job = await submitted(world);
			await world.pass(HOUR - 60_000);
			expect((await world.job(job)).state).toBe("processing");
			await world.pass(15 * 60_000);
			expect((await world.job(job)).state).toBe("completed");
			expect((await result(job)).status).toBe(302);
		});

		it("is not fetched from a place where callbacks may not go, nor is anybody sent there: a fresh link is asked for", async () => {
			const asked: string[] = [];
			world.onRequest(({ url, method, reach }) => {
				if (method === "GET") asked.push(`${reach} ${new URL(url).origin}`);
				return null;
			});
			const { job, providerJob, url } = await accepted(world);
			const data = { result_url: "https://169.254.169.254/latest/meta-data/" };
			await told(world, hook(world, { url, providerJob, event: "job.completed", data }));
			await world.pass(10_000);
			expect((await world.job(job)).state).toBe("completed");
			expect(new Set(asked)).toEqual(new Set([`operator ${PROVIDER}`]));
			world.blobs.kept.clear();
			expect((await result(job)).headers.get("location")).toMatch(`${PROVIDER}/`);
		});

		it("is fetched by the rules of callbacks where its link leads away from the provider", async () => {
			const reaches: string[] = [];
			world.onRequest(({ url, reach }) => {
				if (url !== LINK) return null;
				reaches.push(reach);
				return { kind: "failed", reason: "address_refused", before: true };
			});
			const { providerJob, url } = await accepted(world);
			await told(world, hook(world, { url, providerJob, event: "job.completed", data: { result_url: LINK } }));
			await world.run();
			expect(reaches).toEqual(["public"]);
		});

		it("that is gone from the store is reached by the provider's link", async () => {
			const job = await submitted(world);
			await world.pass(10_000);
			world.blobs.kept.clear();
			expect((await result(job)).status).toBe(302);
		});

		it("is given the hour from the first try that failed, however late that comes", async () => {
			world.onRequest(({ url }) => (url.includes("/results/") ? { kind: "failed", reason: "connection_lost", before: false } : null));
			const job = await submitted(world);
			await world.pass(1000);
			world.jump(3 * HOUR);
			await world.run();
			await world.pass(5000);
			expect((await world.job(job)).state).toBe("processing");
			world.onRequest(() => null);
			await world.pass(HOUR);
			expect(await eventsOf(world, job)).toEqual(["1 job.processing", "2 job.completed"]);
			expect(world.blobs.keys("results")).toHaveLength(1);
		});

		it("is reached by the provider's link where it could not be copied for an hour", async () => {
			world.blobs.breaks("write");
			const job = await submitted(world);
			await world.pass(10_000);
			expect(await submissionsOf(world, job)).toMatchObject([{ phase: "result", reason: "not_kept" }]);
			await world.pass(HOUR);
			expect((await world.job(job)).state).toBe("completed");
			expect((await result(job)).status).toBe(302);
		});
	});
}
