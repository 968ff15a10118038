import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { answer, GATEWAY, openWorld, submitted, type World } from "../../support/world.ts";
import { edited, sha256 } from "./decart-tools.ts";

export function fileResults(open: () => Promise<Db>): void {
	describe("a result that is a file", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open(), { env: { KEEP_RESULTS: "1" } });
		});
		afterEach(() => world.close());

		const finished = async () => {
			const job = await edited(world);
			await world.pass(10_000);
			const [key] = world.blobs.keys("results");
			return { job, link: (await world.job(job))["result_url"] as string, bytes: world.blobs.kept.get(key!)! };
		};
		const ask = (link: string, headers: Record<string, string> = {}, method = "GET") => world.app.request(link, { method, headers });

		it("is served with its link and with a key, and can be shown and kept by a browser", async () => {
			const { job, link, bytes } = await finished();
			expect(link.startsWith(`${GATEWAY}/results/${job}?`)).toBe(true);
			for (const response of [await ask(link), await world.request(`/v1/jobs/${job}/result`)]) {
				expect(response.status).toBe(200);
				expect(Object.fromEntries(response.headers)).toMatchObject({
					"accept-ranges": "bytes",
					"cache-control": "private, max-age=60",
					"content-disposition": `inline; filename="${job}.mp4"`,
					"content-length": String(bytes.length),
					"content-type": "video/mp4",
					etag: `"${sha256(bytes)}"`,
					"x-content-type-options": "nosniff",
				});
				expect(await response.bytes()).toEqual(new Uint8Array(bytes));
			}
		});

		it("is served in part, and as nothing to whoever has it", async () => {
			const { link, bytes } = await finished();
			const part = await ask(link, { range: "bytes=5-14" });
			expect([part.status, part.headers.get("content-range"), part.headers.get("content-length")]).toEqual([
				206,
				`bytes 5-14/${bytes.length}`,
				"10",
			]);
			expect(await part.bytes()).toEqual(new Uint8Array(bytes.subarray(5, 15)));
			const end = await ask(link, { range: "bytes=-3", "if-range": `"${sha256(bytes)}"` });
			expect([end.status, await end.bytes()]).toEqual([206, new Uint8Array(bytes.subarray(-3))]);
			const changed = await ask(link, { range: "bytes=-3", "if-range": '"other"' });
			expect([changed.status, (await changed.bytes()).length]).toEqual([200, bytes.length]);
			const beyond = await ask(link, { range: `bytes=${bytes.length}-` });
			expect([beyond.status, beyond.headers.get("content-range"), await beyond.text()]).toEqual([416, `bytes */${bytes.length}`, ""]);
			const known = await ask(link, { "if-none-match": `"${sha256(bytes)}"` });
			expect([known.status, known.headers.get("etag"), await known.text()]).toEqual([304, `"${sha256(bytes)}"`, ""]);
		});

		it("tells a HEAD its size, and is not read for it", async () => {
			const { link, bytes } = await finished();
			world.blobs.breaks("read");
			const head = await ask(link, { range: "bytes=0-1" }, "HEAD");
			expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, String(bytes.length), ""]);
		});

		it("that cannot be read now is a 503, and one that is gone a 404, with the headers of a refusal", async () => {
			const { link } = await finished();
			const answered = async () => {
				const { status, headers } = await ask(link);
				return [status, headers.get("etag"), headers.get("content-length"), headers.get("content-type")];
			};
			world.blobs.breaks("read");
			expect(await answered()).toEqual([503, null, null, "application/json"]);
			world.blobs.breaks();
			world.blobs.kept.clear();
			expect(await answered()).toEqual([404, null, null, "application/json"]);
		});

		it.each([
			["text/html", "<!doctype html><script>alert(1)</script>", "htm"],
			["image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "svg"],
			["text/javascript", "alert(1)", "js"],
			["application/xml", '<?xml version="1.0"?><a/>', "xml"],
			["nonsense", "???", "bin"],
		])("that the provider calls %s is never run by a browser", async (type, body, extension) => {
			const real = world.deps.http;
			world.deps.http = async (request) => {
				if (request.take === undefined) return real(request);
				await request.take(
					{ status: 200, headers: { "content-type": type } },
					new Blob([body]).stream() as unknown as AsyncIterable<Uint8Array>,
				);
				return answer(200);
			};
			const job = await submitted(world);
			await world.pass(10_000);
			const response = await ask((await world.job(job))["result_url"] as string);
			expect(response.status).toBe(200);
			expect(Object.fromEntries(response.headers)).toMatchObject({
				"content-disposition": `attachment; filename="${job}.${extension}"`,
				"content-security-policy": "sandbox",
				"x-content-type-options": "nosniff",
			});
			expect(await response.text()).toBe(body);
		});
	});
}
