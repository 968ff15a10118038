import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { answer, openWorld, submitted, type World } from "../../support/world.ts";
import { accepted, submissionsOf, tokenUrl } from "./tools.ts";

/** Hundreds of questions, which take a local D1 seconds. */
const SLOW = { timeout: 30_000 };
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
type Call = { at: string; path: string; status: number };

export function pace(open: () => Promise<Db>): void {
	describe("the questions of an account", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open(), {
				env: { REQUESTS_PER_MINUTE: "0", BACKPRESSURE_S: "0" },
				knobs: { hooks: { dropEvents: ["job.processing", "job.completed", "job.failed"] } },
			});
		});
		afterEach(() => world.close());
		const calls = async () => (await world.calls("request-status")) as unknown as Call[];
		/** The most that began in any minute. */
		function busiest(all: readonly Call[]): number {
			const at = all.map((call) => Date.parse(call.at)).toSorted((a, b) => a - b);
			return Math.max(...at.map((from) => at.filter((one) => one >= from && one < from + MINUTE).length));
		}

		it("stay inside the smallest plan's 50 a minute, the one that has waited longest first", SLOW, async () => {
			await world.knobs({ jobs: { processingMs: 10 * MINUTE } });
			const jobs: string[] = [];
			for (let i = 0; i < 120; i++) jobs.push(await submitted(world, { webhook_url: undefined }));
			await world.run();
			await world.knobs({ rateLimit: "basic" });
			const order = new Map<string, number>();
			for (const [i, job] of jobs.entries()) order.set((await submissionsOf(world, job))[0]!.providerJobId!, i);
			await world.pass(4 * MINUTE);
			const all = await calls();
			expect(all.filter((call) => call.status === 429)).toEqual([]);
			expect(busiest(all)).toBeLessThanOrEqual(50);
			expect(busiest(all)).toBeGreaterThan(30);
			const asked = all.map(({ path }) => path.split("/").at(-1)!);
			expect(new Set(asked.slice(0, 120)).size).toBe(120);
			expect(order.size).toBe(120);
		});

		it("come one soon after the other, whatever part of a turn lies between them", async () => {
			await world.knobs({ jobs: { processingMs: HOUR }, rateLimit: { perMinute: 50, perDay: null } });
			const hooks: string[] = [];
			for (let i = 0; i < 3; i++) {
				const { submission } = await accepted(world, { webhook_url: undefined });
				hooks.push(tokenUrl(world, submission));
			}
			const time = String(Math.floor(world.now() / 1000));
			const headers = { "x-deapi-signature": `sha256=${"0".repeat(64)}`, "x-deapi-timestamp": time };
			const forged = { method: "POST", body: "{}", headers };
			const before = (await calls()).length;
			for (const [i, hook] of hooks.entries()) {
				await world.app.request(hook, forged); // its job is asked about at once
				await world.run();
				expect((await calls()).length).toBe(before + i + 1);
				world.jump(7);
			}
			expect(world.lines.filter(({ what }) => what === "sweep.failed")).toEqual([]);
		});

		it("follow the limit that the provider tells", SLOW, async () => {
			await world.knobs({ rateLimit: { perMinute: 10, perDay: null }, jobs: { processingMs: HOUR } });
			for (let i = 0; i < 8; i++) await accepted(world, { webhook_url: undefined });
			await world.knobs({ rateLimit: { perMinute: 6, perDay: null } });
			await world.pass(10 * MINUTE);
			const later = (await calls()).filter(({ at }) => Date.parse(at) > world.now() - 8 * MINUTE);
			expect(later.filter((call) => call.status === 429)).toEqual([]);
			expect(busiest(later)).toBeLessThanOrEqual(6);
			expect(later.length).toBeGreaterThan(30);
		});

		it("rest for a while after a refusal that names no time", async () => {
			await world.knobs({ jobs: { processingMs: HOUR }, rateLimit: null });
			for (let i = 0; i < 5; i++) await accepted(world, { webhook_url: undefined });
			let refusals = 0;
			world.onRequest(({ url }) => {
				if (!url.includes("/request-status/")) return null;
				refusals++;
				return answer(429);
			});
			await world.pass(10 * MINUTE);
			expect(refusals).toBeLessThan(30); // five at a time, 30 s, 1, 2 and 4 min apart
			world.onRequest(() => null);
			await world.pass(20 * MINUTE);
			expect((await calls()).length).toBeGreaterThan(5);
		});

		it("leave no more to visitors who need a fresh link than the pace allows: the others get the old one", async () => {
			await world.knobs({ rateLimit: { perMinute: 10, perDay: null } });
			const jobs: string[] = [];
			for (let i = 0; i < 8; i++) jobs.push(await submitted(world, { webhook_url: undefined }));
			await world.pass(10 * MINUTE);
			world.jump(2 * HOUR);
			const before = (await calls()).length;
			for (const job of jobs) expect((await world.request(`/v1/jobs/${job}/result`)).status).toBe(302);
			expect((await calls()).length - before).toBe(1);
		});

		it("rest until midnight UTC when the day's are used up, and the jobs' deadlines with them", async () => {
			await world.knobs({ rateLimit: { perMinute: 50, perDay: 30 }, jobs: { processingMs: 8 * HOUR } });
			const { job } = await accepted(world, { webhook_url: undefined });
			await world.pass(8 * HOUR);
			expect((await calls()).length).toBeLessThanOrEqual(30);
			expect((await calls()).filter((call) => call.status === 429)).toEqual([]);
			await world.pass(7 * HOUR);
			expect((await world.job(job)).state).toBe("completed");
		});

		it("are spread out again after a start with many running jobs", SLOW, async () => {
			await world.knobs({ jobs: { processingMs: HOUR }, rateLimit: { perMinute: 50, perDay: null } });
			for (let i = 0; i < 60; i++) await submitted(world, { webhook_url: undefined });
			await world.pass(3 * MINUTE);
			world.jump(HOUR); // the process was away: all of them are due at once
			world.restart();
			const began = world.now();
			await world.pass(2 * MINUTE);
			const after = (await calls()).filter(({ at }) => Date.parse(at) >= began);
			expect(after.filter(({ at }) => Date.parse(at) === began).length).toBeLessThanOrEqual(5);
			expect(busiest(after)).toBeLessThanOrEqual(50);
			expect(after.filter((call) => call.status === 429)).toEqual([]);
		});
	});
}
