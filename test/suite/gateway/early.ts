import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { joinableOrphans, orphansOf } from "../../../src/jobs/sql/orphans.ts";
import { answer, openWorld, submitted, type World } from "../../support/world.ts";
import { ACCOUNT_URL, blindTo, eventsOf, holdAnswer, hook, onAnswer, receipts, submissionsOf, tokenUrl, told } from "./tools.ts";

/** What the provider was told to post to, and the id it gave: read from its side, for ours may not have it yet. */
async function atProvider(world: World): Promise<{ url: string; providerJob: string }> {
	const [post] = world.held;
	const { data } = JSON.parse(post!.body) as { data: { job_request_id: string } };
	return { url: post!.url, providerJob: data.job_request_id };
}

export function early(open: () => Promise<Db>): void {
	describe("a hook ahead of our own record", () => {
		let world: World;
		let job: string;
		let theAnswerArrives: () => Promise<void>;
		/** The provider has the job and has finished it; its answer to our send is still on the way, and so are its hooks. */
		beforeEach(async () => {
			world = await openWorld(await open());
			world.holdHooks(true);
			job = await submitted(world);
			theAnswerArrives = (await holdAnswer(world, "/txt2img")).arrive;
			await world.pass(5000);
		});
		afterEach(() => world.close());

		it("ends the job at its token; the answer then changes nothing and nothing is sent twice", async () => {
			expect(await submissionsOf(world, job)).toMatchObject([{ state: "sending", providerJobId: null }]);
			const { providerJob } = await atProvider(world);
			for (const post of world.held) expect(await told(world, post)).toBe("200 applied");
			await theAnswerArrives();
			await world.pass(3_600_000);
			expect(await world.job(job)).toMatchObject({ state: "completed", revision: 2 });
			expect(await submissionsOf(world, job)).toMatchObject([{ state: "accepted", providerJobId: providerJob, nextAttemptAt: null }]);
			expect(await eventsOf(world, job)).toEqual(["1 job.processing", "2 job.completed"]);
			expect(await world.calls("txt2img")).toHaveLength(1);
			expect(await world.calls("request-status")).toHaveLength(0);
		});

		it("brings the id with the end itself, where it is the first word about the job", async () => {
			const { providerJob } = await atProvider(world);
			expect(await told(world, world.held[1]!)).toBe("200 applied");
			expect(await submissionsOf(world, job)).toMatchObject([{ state: "accepted", providerJobId: providerJob, nextAttemptAt: null }]);
			await theAnswerArrives();
			expect(await submissionsOf(world, job)).toMatchObject([{ state: "accepted", providerJobId: providerJob, nextAttemptAt: null }]);
		});

		it("starts the job at its token; the answer does not take it back to submitted, and polling goes on", async () => {
			expect(await told(world, world.held[0]!)).toBe("200 applied");
			await theAnswerArrives();
			expect((await world.job(job)).state).toBe("processing");
			await world.pass(60_000);
			expect(await world.job(job)).toMatchObject({ state: "completed", revision: 2 });
			expect(await world.calls("txt2img")).toHaveLength(1);
		});

		it("waits as an orphan at the account's address and is joined when the id is recorded, oldest first", async () => {
			for (const post of world.held) {
				expect(await told(world, { ...post, url: ACCOUNT_URL })).toBe("200 orphan");
				world.jump(1);
			}
			expect((await world.job(job)).state).toBe("queued");
			await theAnswerArrives();
			expect(await world.job(job)).toMatchObject({ state: "completed", revision: 2 });
			expect(await receipts(world)).toMatchObject([
				{ outcome: "applied", type: "job.processing", jobId: job },
				{ outcome: "applied", type: "job.completed", jobId: job },
			]);
		});

		it("does not wait for the next round to be joined", async () => {
			expect(await told(world, { ...world.held[1]!, url: ACCOUNT_URL })).toBe("200 orphan");
			blindTo(world, joinableOrphans);
			await theAnswerArrives();
			expect((await world.job(job)).state).toBe("completed");
		});

		it("takes a copy of an orphan for a copy, before and after it was joined", async () => {
			const post = { ...world.held[1]!, url: ACCOUNT_URL };
			expect(await told(world, post)).toBe("200 orphan");
			expect(await told(world, post)).toBe("200 duplicate");
			await theAnswerArrives();
			expect(await told(world, post)).toBe("200 duplicate");
			expect(await eventsOf(world, job)).toEqual(["1 job.completed"]);
		});

		it("is joined by the next round where hook and record missed each other", async () => {
			expect(await told(world, { ...world.held[1]!, url: ACCOUNT_URL })).toBe("200 orphan");
			const see = blindTo(world, orphansOf); // as on PostgreSQL, where two transactions can miss each other
			await theAnswerArrives();
			see();
			await world.run();
			expect(await world.job(job)).toMatchObject({ state: "completed", revision: 1 });
			expect(await world.calls("request-status")).toHaveLength(0);
		});

		it("attaches the first id it hears of; another one in the answer does not replace it", async () => {
			const { url } = await atProvider(world);
			expect(await told(world, hook(world, { url, providerJob: "id-first", event: "job.processing" }))).toBe("200 applied");
			await theAnswerArrives();
			expect(await submissionsOf(world, job)).toMatchObject([{ state: "accepted", providerJobId: "id-first" }]);
			expect(await told(world, world.held[1]!)).toBe("200 mismatched");
			expect(await told(world, hook(world, { url, providerJob: "id-first", event: "job.completed" }))).toBe("200 applied");
			expect(await world.calls("txt2img")).toHaveLength(1);
		});

		it("does not lend an id that belongs to another submission", async () => {
			await theAnswerArrives();
			const { providerJob } = await atProvider(world);
			const other = await submitted(world);
			const { arrive } = await holdAnswer(world, "/txt2img");
			const url = tokenUrl(world, (await submissionsOf(world, other))[0]!.id);
			expect(await told(world, hook(world, { url, providerJob, event: "job.completed" }))).toBe("200 mismatched");
			expect((await world.job(job)).state).toBe("submitted");
			expect(await submissionsOf(world, other)).toMatchObject([{ state: "sending", providerJobId: null }]);
			await arrive();
		});

		it("treats an answer with an id that another submission carries as unknown, and does not send again", async () => {
			await theAnswerArrives();
			const { providerJob } = await atProvider(world);
			onAnswer(world, "/txt2img", () => answer(200, {}, JSON.stringify({ data: { request_id: providerJob } })));
			const other = await submitted(world);
			await world.pass(3_600_000);
			expect(await submissionsOf(world, other)).toMatchObject([{ state: "unknown", reason: "id_of_another_job", n: 1 }]);
			expect(await submissionsOf(world, job)).toMatchObject([{ providerJobId: providerJob }]);
			expect(await world.calls("txt2img")).toHaveLength(2);
		});
	});
}
