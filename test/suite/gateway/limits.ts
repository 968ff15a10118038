import { sql } from "drizzle-orm";
import { afterEach, describe, expect, it } from "vitest";
import { createKey } from "../../../src/access/keys.ts";
import { compileSql } from "../../../src/db/compile.ts";
import type { Db } from "../../../src/db/db.ts";
import { pauseLane } from "../../../src/lanes/pause.ts";
import { GATEWAY, HOOK_SECRET, JOB, KEY, openWorld, submitted, type World } from "../../support/world.ts";
import { as, jobText, otherApp, post, refusalOf, rowCount } from "./doors.ts";

const LANE = "deapi:default/txt2img";
const laneSlots = compileSql<{ slots: number; lane: string }, { id: string }>(
	["id"],
	(p) => sql`UPDATE lanes SET max_in_flight = ${p.slots} WHERE id = ${p.lane} RETURNING id`,
);
const limitsOf = ({ headers }: Response) => ["limit", "remaining", "reset"].map((name) => headers.get(`x-ratelimit-${name}`));

export function limits(open: () => Promise<Db>): void {
	describe("limits of", () => {
		let world: World;
		afterEach(() => world.close());

		describe("requests per key", () => {
			/** Half a minute before the next one. */
			const began = Date.UTC(2026, 0, 15, 10, 30, 30);
			const reset = String((began + 30_000) / 1000);
			const start = async (env: Record<string, string>) => {
				world = await openWorld(await open(), { env, began });
			};
			const read = (headers = {}) => world.request("/v1/jobs/unknown", { headers });

			it("are counted down on every answer, refusals too", async () => {
				await start({ REQUESTS_PER_MINUTE: "5" });
				expect(limitsOf(await read())).toEqual(["5", "4", reset]); // 404
				expect(limitsOf(await world.submit())).toEqual(["5", "3", reset]); // 202
				expect(limitsOf(await post(world, "/v1/jobs", "{"))).toEqual(["5", "2", reset]); // 400
				expect(limitsOf(await post(world, "/v1/endpoints", "{}"))).toEqual(["5", "1", reset]); // 422
				expect(limitsOf(await world.request("/v1/nowhere"))).toEqual(["5", "0", reset]); // 404
			});

			it("beyond the limit are answered 429 with whole seconds to wait, and do nothing", async () => {
				await start({ REQUESTS_PER_MINUTE: "2" });
				await read();
				await read();
				const before = await rowCount(world.deps.db);
				const refused = await world.submit();
				expect([refused.status, refused.headers.get("retry-after"), ...limitsOf(refused)]).toEqual([429, "30", "2", "0", reset]);
				expect((await refusalOf(refused)).code).toBe("rate_limited");
				expect(await rowCount(world.deps.db)).toBe(before);
				world.jump(29_500);
				expect((await read()).headers.get("retry-after")).toBe("1");
				world.jump(500);
				expect((await world.submit()).status).toBe(202);
			});

			it("are counted for each key by itself", async () => {
				await start({ REQUESTS_PER_MINUTE: "1" });
				const { key: second } = await createKey(world.deps, world.appId, { name: "second", scopes: ["read"] });
				const { key: other } = await otherApp(world);
				for (const key of [KEY, second, other]) expect((await read(as(key))).status).toBe(404);
				for (const key of [KEY, second, other]) expect((await read(as(key))).status).toBe(429);
			});

			it("of strangers count for no one and are not remembered", async () => {
				await start({ REQUESTS_PER_MINUTE: "1" });
				for (let n = 0; n < 50; n++) {
					const refused = await read(as(`stranger-${n}`));
					expect([refused.status, ...limitsOf(refused)]).toEqual([401, null, null, null]);
				}
				expect((await read()).status).toBe(404);
			});

			it("are not counted where the limit is 0, and never at the doors of providers and results", async () => {
				await start({ REQUESTS_PER_MINUTE: "0" });
				for (let n = 0; n < 20; n++) expect(limitsOf(await read())).toEqual([null, null, null]);
				await world.close();
				await start({ REQUESTS_PER_MINUTE: "1" });
				await read();
				for (const path of ["/healthz", "/openapi.json", "/results/unknown"])
					expect((await world.app.request(`${GATEWAY}${path}`)).status).not.toBe(429);
				expect((await world.postHook({ url: `${GATEWAY}/hooks/deapi`, headers: {}, body: "{}" })).status).toBe(401);
			});
		});

		describe("submits under load", () => {
			const start = async (env: Record<string, string> = {}) => {
				world = await openWorld(await open(), { env });
			};
			/** Two looks, a second apart, as submits make them; the answer to the second. */
			const looked = async () => {
				await world.submit();
				world.jump(1000);
				return world.submit();
			};

			it("are refused with 429, overloaded and Retry-After while the oldest waits for more than 30 s, and nothing is written", async () => {
				await start();
				await submitted(world);
				world.jump(29_000);
				expect((await looked()).status).toBe(202); // 30 s, and the first look was at 29
				const before = await rowCount(world.deps.db);
				world.jump(1000);
				const refused = await world.submit();
				expect([refused.status, refused.headers.get("retry-after"), (await refusalOf(refused)).code]).toEqual([429, "5", "overloaded"]);
				expect(await rowCount(world.deps.db)).toBe(before);
			});

			it("are taken again as soon as those before them went", async () => {
				await start();
				await submitted(world);
				world.jump(40_000);
				expect((await looked()).status).toBe(429);
				await world.run();
				world.jump(1000);
				expect((await world.submit()).status).toBe(202);
			});

			it("are taken while their lane is paused: that is the provider's wish, not our load", async () => {
				await start();
				await submitted(world);
				await world.deps.db.batch([pauseLane.bind({ lane: LANE, until: world.now() + 600_000, reason: "test" })]);
				world.jump(120_000);
				expect((await looked()).status).toBe(202);
				world.jump(480_000 + 27_000); // open again, not for 30 s yet
				expect((await looked()).status).toBe(202);
				world.jump(2000);
				expect((await looked()).status).toBe(429);
			});

			it("are taken while their lane is full, and a slot that is free for a moment changes nothing", async () => {
				await start();
				await world.deps.db.batch([laneSlots.bind({ lane: LANE, slots: 1 })]);
				for (let n = 0; n < 5; n++) await submitted(world);
				world.jump(40_000);
				for (let n = 0; n < 4; n++) {
					expect((await world.submit()).status).toBe(202); // looks while the slot is free
					await world.claimAndDie(); // and the oldest goes
					world.jump(1000);
					expect((await world.submit()).status).toBe(202); // looks while it is taken
					world.jump(200_000);
					await world.run();
					for (let more = 0; more < 5; more++) await submitted(world);
					world.jump(40_000);
				}
			});

			it("are never refused where BACKPRESSURE_S is 0, and hooks and reads never at all", async () => {
				await start({ BACKPRESSURE_S: "0" });
				const job = await submitted(world);
				world.jump(40_000);
				expect((await looked()).status).toBe(202);
				await world.close();
				await start();
				const second = await submitted(world);
				world.jump(40_000);
				expect((await looked()).status).toBe(429);
				expect((await world.request(`/v1/jobs/${second}`)).status).toBe(200);
				const hook = await world.postHook({ url: `${GATEWAY}/hooks/deapi`, headers: { "x-deapi-signature": HOOK_SECRET }, body: "{}" });
				expect(hook.status).toBe(401); // judged by its signature, not turned away
				expect(job).not.toBe(second);
			});

			it("cost one look a second, however many come", async () => {
				await start();
				let looks = 0;
				const read = world.deps.db.read.bind(world.deps.db);
				world.deps.db.read = (query) => {
					if (/oldest/.test(query.stmt.sql)) looks++;
					return read(query);
				};
				await Promise.all(Array.from({ length: 20 }, () => world.submit()));
				expect(looks).toBe(1);
				world.jump(1000);
				await world.submit();
				expect(looks).toBe(2);
			});
		});

		describe("a body", () => {
			const MAX = 4096;
			/** Comes in pieces without a length, as `Transfer-Encoding: chunked` does; counts what was asked for. */
			const chunked = (text: string, piece = 64) => {
				let sent = 0;
				const body = new ReadableStream({
					pull(controller) {
						if (sent >= text.length) return controller.close();
						controller.enqueue(new TextEncoder().encode(text.slice(sent, sent + piece)));
						sent += piece;
					},
				});
				return { body, sent: () => sent };
			};
			const send = async (path: string, body: ReadableStream, headers: Record<string, string> = {}) => {
				const init: RequestInit & { duplex: "half" } = {
					method: "POST",
					body,
					duplex: "half",
					headers: { "content-type": "application/json", ...headers },
				};
				return world.request(path, init);
			};
			const padded = (bytes: number) => jobText(`"metadata":{"pad":"${"x".repeat(bytes)}"}`);
			const exactly = (bytes: number) => padded(bytes - padded(0).length);

			it("of exactly the limit is taken, whether it tells its length or not", async () => {
				world = await openWorld(await open(), { env: { SUBMIT_MAX_BYTES: String(MAX) } });
				expect(exactly(MAX).length).toBe(MAX);
				expect((await post(world, "/v1/jobs", exactly(MAX), { "content-length": String(MAX) })).status).toBe(202);
				expect((await send("/v1/jobs", chunked(exactly(MAX)).body)).status).toBe(202);
			});

			it("of one byte more is refused with 413, and nothing is written", async () => {
				world = await openWorld(await open(), { env: { SUBMIT_MAX_BYTES: String(MAX) } });
				const before = await rowCount(world.deps.db);
				const answers = [
					await post(world, "/v1/jobs", exactly(MAX + 1), { "content-length": String(MAX + 1) }),
					await send("/v1/jobs", chunked(exactly(MAX + 1)).body),
					await send("/v1/endpoints", chunked(exactly(MAX + 1)).body),
				];
				for (const answer of answers) expect([answer.status, (await refusalOf(answer)).code]).toEqual([413, "payload_too_large"]);
				expect(await rowCount(world.deps.db)).toBe(before);
			});

			it("that goes on and on is cut off at the limit: the rest is never asked for", async () => {
				world = await openWorld(await open(), { env: { SUBMIT_MAX_BYTES: String(MAX), HOOK_MAX_BYTES: String(MAX) } });
				const signedLooking = {
					"x-deapi-signature": `sha256=${"0".repeat(64)}`,
					"x-deapi-timestamp": String(Math.floor(world.now() / 1000)),
				};
				for (const path of ["/v1/jobs", "/hooks/deapi"]) {
					const endless = chunked("x".repeat(100 * MAX));
					expect((await send(path, endless.body, signedLooking)).status).toBe(413);
					expect(endless.sent()).toBeLessThan(MAX + 1024);
				}
			});

			it("is not read at all for a stranger, or for a key that may not submit", async () => {
				world = await openWorld(await open());
				const { key } = await createKey(world.deps, world.appId, { name: "reader", scopes: ["read"] });
				for (const headers of [as("stranger-0123456789"), as(key)]) {
					const body = chunked(JSON.stringify(JOB));
					expect((await send("/v1/jobs", body.body, headers)).status).toBeGreaterThanOrEqual(401);
					expect(body.sent()).toBeLessThanOrEqual(64); // what the stream itself keeps ready
				}
			});
		});
	});
}
