import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { stateOfJob } from "../../../src/jobs/sql/read.ts";
import { JOB, openWorld, submitted, type World } from "../../support/world.ts";
import { refusalOf } from "./doors.ts";
import { accepted, hook, told } from "./tools.ts";

export function waits(open: () => Promise<Db>): void {
	describe("an answer that waits for a job's end", () => {
		let world: World;
		let looks: number;
		beforeEach(async () => {
			world = await openWorld(await open());
			world.holdHooks(true);
			looks = 0;
			const real = world.deps.db;
			world.deps.db = {
				...real,
				read: (query) => {
					if ((query.stmt as object) === stateOfJob) looks++;
					return real.read(query);
				},
			};
		});
		afterEach(() => {
			vi.useRealTimers();
			return world.close();
		});
		const looked = (times: number) => vi.waitFor(() => expect(looks).toBeGreaterThanOrEqual(times), { interval: 1 });

		it("comes as soon as it has ended, after two looks", async () => {
			const taken = await accepted(world);
			const waiting = world.request(`/v1/jobs/${taken.job}?wait=60`);
			await looked(1);
			await told(world, hook(world, { ...taken, event: "job.processing" }));
			await told(world, hook(world, { ...taken, event: "job.completed" }));
			expect(await (await waiting).json()).toMatchObject({ state: "completed" });
			expect(looks).toBe(2);
		});

		it("comes at once where it has ended already", async () => {
			const taken = await accepted(world);
			await told(world, hook(world, { ...taken, event: "job.failed" }));
			expect(await (await world.request(`/v1/jobs/${taken.job}?wait=60`)).json()).toMatchObject({ state: "failed" });
			expect(looks).toBe(0);
		});

		it("comes when the time is up, with the state it has then, and has looked once a second", async () => {
			const { job } = await accepted(world);
			vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
			const waiting = world.request(`/v1/jobs/${job}?wait=3`);
			for (let second = 1; second <= 3; second++) {
				await vi.waitFor(() => expect([looks, vi.getTimerCount()]).toEqual([second, 1]), { interval: 0 });
				world.jump(1000);
				await vi.advanceTimersByTimeAsync(1000);
			}
			expect(await (await waiting).json()).toMatchObject({ state: "submitted" });
			expect(looks).toBe(4);
		});

		it("sees also an end that another process wrote", async () => {
			const taken = await accepted(world);
			const seen = world.deps.db;
			const waiting = world.request(`/v1/jobs/${taken.job}?wait=60`);
			await looked(1);
			world.deps.db = { ...seen, read: (query) => seen.read(query) };
			await told(world, hook(world, { ...taken, event: "job.completed" }));
			expect(await (await waiting).json()).toMatchObject({ state: "completed" });
		});

		it("ends when the client goes away: nobody looks any more", async () => {
			const { job } = await accepted(world);
			const client = new AbortController();
			const waiting = world.request(`/v1/jobs/${job}?wait=60`, { signal: client.signal });
			await looked(1);
			client.abort();
			await waiting;
			expect(looks).toBe(1);
		});

		it("of a submit is the job as it ended, still with 202", async () => {
			world.holdHooks(false);
			const waiting = world.request("/v1/jobs?wait=60", {
				method: "POST",
				headers: { "content-type": "application/json" },
				body: JSON.stringify(JOB),
			});
			await looked(1);
			await world.pass(5000);
			const response = await waiting;
			expect([response.status, await response.json()]).toMatchObject([202, { state: "completed" }]);
		});

		it("of a submit is the accepted job where the database fails meanwhile", async () => {
			const real = world.deps.db;
			world.deps.db = {
				...real,
				read: (query) => ((query.stmt as object) === stateOfJob ? Promise.reject(new Error("gone")) : real.read(query)),
			};
			const response = await world.request("/v1/jobs?wait=60", {
				method: "POST",
				headers: { "content-type": "application/json" },
				body: JSON.stringify(JOB),
			});
			expect([response.status, await response.json()]).toMatchObject([202, { state: "queued" }]);
		});

		it.each(["0", "61", "-1", "1.5", "soon", ""])("for %j seconds is refused, on both routes", async (wait) => {
			const job = await submitted(world);
			const answers = [
				await world.request(`/v1/jobs/${job}?wait=${wait}`),
				await world.request(`/v1/jobs?wait=${wait}`, {
					method: "POST",
					headers: { "content-type": "application/json" },
					body: JSON.stringify(JOB),
				}),
			];
			for (const response of answers) {
				expect(response.status).toBe(422);
				const { details } = await refusalOf(response);
				expect(details).toContainEqual({ field: "wait", message: "must be a whole number of seconds from 1 to 60" });
			}
		});
	});
}
