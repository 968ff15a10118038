import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { Retention } from "../../../src/retention.ts";
import { openWorld, type World } from "../../support/world.ts";
import { CLIP, decartCalls, EDIT, edited, PICTURE, upload } from "./decart-tools.ts";
import { cancelJob } from "./jobs-cancel.ts";
import { laneOf, submissionsOf } from "./tools.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const HOST = "https://files.example.com";

export function inputs(open: () => Promise<Db>): void {
	describe("a file of a job", () => {
		let world: World;
		let asked: { url: string; at: number }[];
		/** What the host of the URL answers. */
		let host: () => Response;
		beforeEach(async () => {
			world = await openWorld(await open(), { env: { FILE_MAX_MB: "1" } });
			asked = [];
			host = () => new Response(CLIP);
			world.onDownload(({ url }) => {
				if (!url.startsWith(HOST)) return null;
				asked.push({ url, at: world.now() });
				return host();
			});
		});
		afterEach(() => world.close());
		const byUrl = (input: Record<string, unknown> = {}) => edited(world, {}, { data: `${HOST}/clips/a.mp4`, ...input });

		it("is fetched from its URL before the job is sent, and sent as what its bytes are", async () => {
			host = () => new Response(CLIP, { headers: { "content-type": "text/html" } });
			const job = await byUrl();
			expect((await submissionsOf(world, job))[0]).toMatchObject({ state: "pending", phase: "input" });
			await world.pass(5000);
			expect((await world.job(job)).state).toBe("completed");
			const [call] = await decartCalls(world, "submit");
			expect(JSON.stringify(call)).toContain("a.mp4");
			expect(asked.map(({ url }) => url)).toEqual([`${HOST}/clips/a.mp4`]);
			expect((await world.job(job))["input"]).toMatchObject({ data: `${HOST}/clips/a.mp4` });
		});

		it("is fetched again while its host is out of order, and only what is missing", async () => {
			let up = false;
			host = () => (asked.length === 1 ? new Response(CLIP) : up ? new Response(PICTURE) : new Response(null, { status: 503 }));
			const job = await byUrl({ reference_image: `${HOST}/me.png` });
			await world.pass(MINUTE);
			expect(await submissionsOf(world, job)).toMatchObject([{ phase: "input", reason: "reference_image_http_503" }]);
			up = true;
			await world.pass(10 * MINUTE);
			expect((await world.job(job)).state).toBe("completed");
			expect(asked.filter(({ url }) => url.endsWith("a.mp4"))).toHaveLength(1);
			expect(await decartCalls(world, "submit")).toHaveLength(1);
		});

		it.each([
			["that is not there", () => new Response("gone", { status: 404 }), "data_http_404"],
			["that is elsewhere", () => new Response(null, { status: 302, headers: { location: "http://169.254.169.254/" } }), "data_http_302"],
			["that is no video", () => new Response(PICTURE), "input.data must be of type video; what its URL gives is image/png"],
			["that is too large", () => new Response(new Uint8Array(1_048_577)), "too_large"],
		])("%s fails the job at once, before anything is sent", async (_, answers, reason) => {
			host = answers;
			const job = await byUrl();
			await world.pass(MINUTE);
			const { error, state } = await world.job(job);
			expect([state, error?.code, error?.message]).toEqual(["failed", "input_unavailable", expect.stringContaining(reason)]);
			expect(asked).toHaveLength(1);
			expect(await decartCalls(world, "submit")).toEqual([]);
		});

		it("whose host never answers fails the job after an hour", async () => {
			host = () => new Response(null, { status: 500 });
			const job = await byUrl();
			await world.pass(HOUR + MINUTE);
			expect(await world.job(job)).toMatchObject({ state: "failed", error: { code: "input_unavailable" } });
			expect(world.callbacks).toHaveLength(1);
		});

		it("waits while the store is full", async () => {
			world.blobs.breaks("write");
			const job = await byUrl();
			await world.pass(MINUTE);
			expect(await submissionsOf(world, job)).toMatchObject([{ phase: "input", reason: "not_kept" }]);
			world.blobs.breaks();
			await world.pass(10 * MINUTE);
			expect((await world.job(job)).state).toBe("completed");
		});

		it.each(["http://127.0.0.1/a.mp4", "http://169.254.169.254/latest", "https://[::1]/a.mp4", "https://gateway.test/a.mp4"])(
			"is not fetched from %s",
			async (data) => {
				const response = await world.submit({ ...EDIT, input: { data } });
				expect([response.status, await response.text()]).toEqual([422, expect.stringContaining('"field":"input.data"')]);
				expect(asked).toEqual([]);
			},
		);

		it("is no longer fetched for a job that was canceled, and a fetch under way ends nowhere", async () => {
			const waiting = await byUrl();
			expect((await cancelJob(world, waiting)).status).toBe(200);
			let arrive = () => {};
			const held = new Promise<void>((resolve) => {
				arrive = resolve;
			});
			const real = world.deps.http;
			world.deps.http = async (request) => {
				if (request.url.startsWith(HOST)) await held;
				return real(request);
			};
			const fetching = await byUrl();
			const round = world.run();
			await world.settle();
			expect((await cancelJob(world, fetching)).status).toBe(200);
			arrive();
			await round;
			await world.pass(HOUR);
			for (const job of [waiting, fetching]) {
				expect((await world.job(job)).state).toBe("canceled");
				expect(await submissionsOf(world, job)).toMatchObject([{ state: "not_taken", claimId: null, nextAttemptAt: null }]);
			}
			expect(await decartCalls(world, "submit")).toEqual([]);
		});

		it("that was uploaded stays for the job when it is deleted before the job is sent", async () => {
			const id = await upload(world);
			const job = await edited(world, {}, { data: id });
			expect((await world.request(`/v1/files/${id}`, { method: "DELETE" })).status).toBe(204);
			const refused = await world.submit({ ...EDIT, input: { data: id } });
			expect(refused.status).toBe(422);
			const retention = new Retention(world.deps);
			while (!(await retention.stretch()));
			await world.pass(10_000);
			expect((await world.job(job)).state).toBe("completed");
		});

		it("that has vanished from the store fails the job, and nothing is sent", async () => {
			const job = await edited(world);
			world.blobs.kept.clear();
			await world.pass(MINUTE);
			expect(await world.job(job)).toMatchObject({ state: "failed", error: { code: "not_dispatched" } });
			expect(await decartCalls(world, "submit")).toEqual([]);
		});

		it("whose bytes break off on their way to the provider is sent again: no whole request has left", async () => {
			const job = await edited(world);
			const { read } = world.deps.blobs;
			world.deps.blobs.read = async (key, range) => {
				if (range !== undefined) return read(key, range);
				return (async function* () {
					yield new Uint8Array(10);
					throw new Error("the disk is gone");
				})();
			};
			await world.run();
			expect(await submissionsOf(world, job)).toMatchObject([{ state: "not_taken", reason: "body_broken" }, { state: "pending" }]);
			expect(await laneOf(world, "video_edit", "decart:default")).toMatchObject({ notBefore: 0, strikes: 0 });
			world.deps.blobs.read = read;
			await world.pass(MINUTE);
			expect((await world.job(job)).state).toBe("completed");
			expect(await decartCalls(world, "submit")).toHaveLength(1);
		});

		it("goes a day after the last job that needs it, but not while one waits", async () => {
			const id = await upload(world);
			world.onRequest(({ url }) => (url.includes("decart") ? { kind: "failed", reason: "connect_failed", before: true } : null));
			const job = await edited(world, {}, { data: id });
			const sweep = async () => {
				const retention = new Retention(world.deps);
				while (!(await retention.stretch()));
			};
			world.jump(30 * HOUR);
			await sweep();
			expect((await world.request(`/v1/files/${id}`)).status).toBe(404);
			expect(world.blobs.keys("files")).toHaveLength(1);
			world.onRequest(() => null);
			await world.pass(20 * MINUTE);
			expect((await world.job(job)).state).toBe("completed");
			world.jump(2 * HOUR);
			await sweep();
			expect(world.blobs.keys("files")).toEqual([]);
		});

		it("counts by its bytes for an idempotency key: another upload of the same is the same request, even when it is gone", async () => {
			const wish = (data: string) => world.submit({ ...EDIT, input: { data } }, { "idempotency-key": "k1" });
			const ids = [await upload(world), await upload(world)];
			const first = await wish(ids[0]!);
			const second = await wish(ids[1]!);
			const idOf = async (response: Response) => ((await response.json()) as { id: string }).id;
			expect([second.status, second.headers.get("idempotent-replayed")]).toEqual([202, "true"]);
			const job = await idOf(first);
			expect(await idOf(second)).toBe(job);
			await world.request(`/v1/files/${ids[0]}`, { method: "DELETE" });
			expect(await idOf(await wish(ids[0]!))).toBe(job);
			const clip = new Uint8Array([...CLIP, 0]);
			expect((await wish(await upload(world, clip))).status).toBe(409);
		});

		it("that is no URL at all is refused, also under a key that is in use", async () => {
			const wish = (data: string) => world.submit({ ...EDIT, input: { data } }, { "idempotency-key": "k1" });
			expect((await wish(await upload(world))).status).toBe(202);
			expect((await wish("http://")).status).toBe(409);
			expect((await world.submit({ ...EDIT, input: { data: "http://" } })).status).toBe(422);
		});

		it("of another app is none", async () => {
			const made = await world.request("/v1/apps", {
				method: "POST",
				headers: { "content-type": "application/json" },
				body: JSON.stringify({ name: "other" }),
			});
			expect(made.status).toBe(201);
			const id = await upload(world);
			const { findApp } = await import("../../../src/access/apps.ts");
			const { createKey } = await import("../../../src/access/keys.ts");
			const other = await findApp(world.deps, "other");
			const { key } = await createKey(world.deps, other!.id, { name: "k", scopes: ["admin"] });
			const body = JSON.stringify({ ...EDIT, webhook_url: undefined, input: { data: id } });
			const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
			expect((await world.request("/v1/jobs", { method: "POST", headers, body })).status).toBe(422);
		});
	});
}
