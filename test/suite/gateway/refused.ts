import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { signDeapi } from "../../../src/core/signature.ts";
import type { Db } from "../../../src/db/db.ts";
import { JobhookError } from "../../../src/errors.ts";
import { HOOK_SECRET, openWorld, type Post, type World } from "../../support/world.ts";
import { ACCOUNT_URL, accepted, eventsOf, hook, receipts, submissionsOf, told } from "./tools.ts";

type Taken = Awaited<ReturnType<typeof accepted>>;

export function refused(open: () => Promise<Db>): void {
	describe("a hook that proves nothing", () => {
		let world: World;
		let taken: Taken;
		beforeEach(async () => {
			world = await openWorld(await open());
			taken = await accepted(world);
		});
		afterEach(() => world.close());
		const dueAt = async () => (await submissionsOf(world, taken.job))[0]!.nextAttemptAt;
		const post = (wish: Partial<Parameters<typeof hook>[1]> = {}) => hook(world, { ...taken, event: "job.completed", ...wish });
		const reserialised = ({ body, ...rest }: Post) => ({ ...rest, body: JSON.stringify(JSON.parse(body)) });

		const worthless: [string, string, () => Post][] = [
			["unsigned", "no_signature", () => post({ sign: "none" })],
			["signed by another", "bad_signature", () => post({ sign: "wrong" })],
			["re-serialised on its way", "bad_signature", () => reserialised(post())],
			["too old", "outside_window", () => post({ signedAt: world.now() - 301_000 })],
			["from the future", "outside_window", () => post({ signedAt: world.now() + 301_000 })],
		];
		it.each(worthless)("because it is %s gets 401 and changes nothing but that the job is asked about now", async (_, reason, made) => {
			world.jump(500);
			expect(await told(world, made())).toBe(`401 ${reason}`);
			expect(await world.job(taken.job)).toMatchObject({ state: "submitted", revision: 0 });
			expect(await receipts(world)).toEqual([]);
			expect(await eventsOf(world, taken.job)).toEqual([]);
			expect(await dueAt()).toBe(world.now());
			await world.run();
			expect(await world.calls("request-status")).toHaveLength(1);
		});

		it("makes no more than one poll in ten seconds, however many come", async () => {
			world.jump(500);
			await Promise.all(Array.from({ length: 50 }, () => told(world, post({ sign: "none" }))));
			await world.run();
			world.jump(9999);
			await told(world, post({ sign: "none" }));
			await world.run();
			expect(await world.calls("request-status")).toHaveLength(1);
			world.jump(1);
			await told(world, post({ sign: "none" }));
			await world.run();
			expect(await world.calls("request-status")).toHaveLength(2);
		});

		it("soon after another has the job asked about at the end of the ten seconds, not when the ladder says", async () => {
			world.jump(500);
			const end = world.now() + 10_000;
			await told(world, post({ sign: "wrong", event: "job.processing" }));
			await world.run();
			world.jump(1500);
			await told(world, post({ sign: "wrong" }));
			expect(await dueAt()).toBe(end);
			await told(world, post({ sign: "wrong" }));
			world.jump(end - world.now() - 1);
			await world.run();
			expect(await world.calls("request-status")).toHaveLength(1);
			world.jump(1);
			await world.run();
			expect(await world.calls("request-status")).toHaveLength(2);
		});

		it.each([
			["at the account's address", () => ACCOUNT_URL],
			["at a forged token", () => `${ACCOUNT_URL}/${"A".repeat(43)}`],
		])("%s gets 401 and no job is asked about", async (_, url) => {
			const before = await dueAt();
			expect(await told(world, post({ sign: "none", url: url() }))).toBe("401 no_signature");
			expect(await dueAt()).toBe(before);
		});

		it("about a job that has ended gets 401 and nobody is asked", async () => {
			await told(world, post());
			expect(await told(world, post({ sign: "none" }))).toBe("401 no_signature");
			await world.pass(600_000);
			expect(await dueAt()).toBe(null);
			expect(await world.calls("request-status")).toHaveLength(0);
		});

		it("gets 202 where the account has no secret to prove anything with, and the poll brings the news", async () => {
			await world.close();
			world = await openWorld(await open(), { env: { DEAPI_WEBHOOK_SECRET: "" }, knobs: { jobs: { pendingMs: 100, processingMs: 100 } } });
			taken = await accepted(world);
			world.jump(500);
			expect(await told(world, post())).toBe("202 no_secret");
			expect(await dueAt()).toBe(world.now());
			expect((await world.job(taken.job)).state).toBe("submitted");
			await world.pass(10_000);
			expect((await world.job(taken.job)).state).toBe("completed");
			expect((await receipts(world)).every(({ source }) => source === "poll")).toBe(true);
		});
	});

	describe("an authentic hook that cannot be used", () => {
		let world: World;
		let taken: Taken;
		beforeEach(async () => {
			world = await openWorld(await open());
			taken = await accepted(world);
		});
		afterEach(() => world.close());
		const post = () => hook(world, { ...taken, event: "job.completed" });

		async function signed(bytes: Uint8Array): Promise<string> {
			const seconds = String(Math.floor(world.now() / 1000));
			const headers = { "x-deapi-timestamp": seconds, "x-deapi-signature": signDeapi(HOOK_SECRET, seconds, bytes) };
			const response = await world.app.request(taken.url, { method: "POST", headers, body: new Uint8Array(bytes) });
			return `${response.status} ${((await response.json()) as { outcome: string }).outcome}`;
		}
		const untouched = () => world.job(taken.job).then((job) => expect(job).toMatchObject({ state: "submitted", revision: 0 }));

		it.each([
			["not JSON", "job completed, honestly"],
			["empty", ""],
			["no hook", '{"event":"job.completed"}'],
			["one with a field of the wrong kind", '{"event":"job.completed","delivery_id":7,"data":{"job_request_id":"x"}}'],
		])("because it is %s is acknowledged and kept for a person", async (_, body) => {
			const bytes = new TextEncoder().encode(body);
			expect(await signed(bytes)).toBe("200 unreadable");
			expect(await signed(bytes)).toBe("200 unreadable");
			await untouched();
			expect(await receipts(world)).toMatchObject([{ outcome: "unreadable", jobId: null }]);
		});

		it("because one byte of it is not UTF-8 is acknowledged and kept for a person", async () => {
			const bytes = new TextEncoder().encode(post().body);
			bytes[post().body.indexOf("txt2img")] = 0xff;
			expect(await signed(bytes)).toBe("200 unreadable");
			await untouched();
			expect(await receipts(world)).toMatchObject([{ outcome: "unreadable", jobId: null }]);
		});

		it("because its event is one we do not know is acknowledged and kept as ignored", async () => {
			expect(await told(world, hook(world, { ...taken, event: "job.paused" }))).toBe("200 ignored");
			await untouched();
			expect(await receipts(world)).toMatchObject([{ outcome: "ignored", type: "job.paused", jobId: taken.job }]);
		});

		it("because nothing can be written gets 503 and a time to come back; the next copy is the first", async () => {
			const real = world.deps.db;
			world.deps.db = { ...real, batch: () => Promise.reject(new JobhookError("unavailable", "the disk is full")) };
			const response = await world.postHook(post());
			expect(response.status).toBe(503);
			expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
			world.deps.db = real;
			await untouched();
			expect(await receipts(world)).toEqual([]);
			expect(await told(world, post())).toBe("200 applied");
		});
	});
}
