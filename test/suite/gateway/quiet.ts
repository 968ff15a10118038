import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newId } from "../../../src/core/ids.ts";
import type { Db } from "../../../src/db/db.ts";
import { answer, CALLBACK_SECRET, HOOK_SECRET, JOB, openWorld, submitted, type World } from "../../support/world.ts";
import { attemptsOf, finished, NO_URL } from "./callbacks.ts";
import { call, got, type Listed } from "./calls.ts";
import { EDIT, upload } from "./decart-tools.ts";
import { as, otherApp } from "./doors.ts";
import { ACCOUNT_URL, accepted, answerFor, hook, receipts, told } from "./tools.ts";

const TOKEN = "Bearer receivers-own-token-0123456789";
const OLD = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
const NEW = `whsec_${Buffer.alloc(32, 2).toString("base64")}`;

export function quiet(open: () => Promise<Db>): void {
	describe("who is told a secret and repeats it:", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());
		const lines = () => JSON.stringify(world.lines);

		it("of a receiver's answer all is kept but the secrets, the signatures and its own header fields", async () => {
			const { id } = await world.endpoint({
				url: "https://example.com/hooks",
				secret: OLD,
				headers: { authorization: TOKEN, "x-team": "red" },
			});
			await got(call(world, "POST", `/v1/endpoints/${id}/rotate`, { secret: NEW }));
			world.onCallback(({ headers, body }) => answer(500, {}, JSON.stringify({ headers, body, known: [OLD, NEW] })));
			const job = await finished(world, NO_URL);
			await world.run();
			const sample = await got<{ response: string }>(call(world, "POST", `/v1/endpoints/${id}/test`));
			const kept = [...(await attemptsOf(world, job)).map(({ response }) => String(response)), sample.response];
			expect(kept).toHaveLength(2);
			for (const [i, text] of kept.entries()) {
				const { headers } = world.callbacks[i]!;
				const signatures = headers["webhook-signature"]!.split(" ").map((one) => one.slice("v1,".length));
				expect(signatures).toHaveLength(2);
				for (const secret of [TOKEN, TOKEN.slice(7), OLD, NEW, OLD.slice(6), ...signatures, headers["x-deapi-signature"]!.slice(7)])
					expect(text).not.toContain(secret);
				const { headers: shown } = JSON.parse(text) as { headers: Record<string, string> };
				expect(shown).toMatchObject({ authorization: "[redacted]", "x-team": "red", "webhook-id": headers["webhook-id"] });
			}
		});

		it("of a job's own URL, too, also where the answer was cut off in the middle of one", async () => {
			world.onCallback(({ headers }) => {
				const echo = `secret ${CALLBACK_SECRET} signature ${headers["webhook-signature"]}`;
				return { ...answer(500, {}, echo.slice(0, -20)), truncated: true } as ReturnType<typeof answer>;
			});
			const job = await finished(world);
			await world.run();
			expect((await attemptsOf(world, job)).map(({ response }) => response)).toEqual(["secret [redacted] signature [redacted]"]);
		});

		it("a provider that refuses a job brings neither its key nor the hook's token into the job, its callbacks or the log", async () => {
			const job = await submitted(world);
			let sent = "";
			world.onRequest(({ url, headers, body }) => {
				if (!url.endsWith("/txt2img")) return null;
				sent = String(body);
				return answer(422, {}, JSON.stringify({ message: `${headers["authorization"]} may not use ${sent}` }));
			});
			await world.run();
			const token = /hooks\/deapi\/([\w-]+)/.exec(sent)![1]!;
			const { error } = await world.job(job);
			expect(error).toMatchObject({
				code: "provider_refused",
				message: expect.stringMatching(/^Bearer \[redacted\] may not use .*\/hooks\/deapi\/\[redacted\]"/),
			});
			await world.run();
			expect(world.callbacks).toHaveLength(1);
			for (const text of [lines(), JSON.stringify(error), world.callbacks[0]!.body]) {
				expect(text).not.toContain("sandbox-key");
				expect(text).not.toContain(token);
			}
		});

		it("nor does one that tells it in a price, or in an answer to a question", async () => {
			answerFor(world, "/price-calculation", () => answer(422, {}, '{"message":"no: sandbox-key"}'));
			const price = await call(world, "POST", "/v1/price", { ...JOB, webhook_url: undefined });
			expect([price.status, await price.text()]).toEqual([422, expect.stringContaining("no: [redacted]")]);
			const job = ((await (await world.submit({ ...EDIT, input: { prompt: "a", data: await upload(world) } })).json()) as { id: string })
				.id;
			world.onRequest(({ url, method, headers }) =>
				method === "GET" && url.includes("/v1/jobs/")
					? answer(200, {}, JSON.stringify({ status: "failed", error: `bad ${headers["x-api-key"]}` }))
					: null,
			);
			await world.pass(20_000);
			expect((await world.job(job)).error).toEqual({ code: "provider_failed", message: "bad [redacted]" });
			expect((await receipts(world)).map(({ body }) => body)).toEqual(['{"status":"failed","error":"bad [redacted]"}']);
		});

		it("a signed webhook that tells the account's key or secret is kept without them", async () => {
			const taken = await accepted(world);
			const error_message = `sandbox-key and ${HOOK_SECRET}`;
			expect(await told(world, hook(world, { ...taken, event: "job.failed", data: { error_message } }))).toBe("200 applied");
			expect(await told(world, hook(world, { url: ACCOUNT_URL, providerJob: "", event: HOOK_SECRET }))).toBe("200 unreadable");
			expect((await world.job(taken.job)).error).toMatchObject({ message: "[redacted] and [redacted]" });
			const kept = JSON.stringify(await receipts(world));
			expect(kept).toContain("[redacted]");
			for (const text of [kept, lines()]) {
				expect(text).not.toContain("sandbox-key");
				expect(text).not.toContain(HOOK_SECRET);
			}
		});
	});

	describe("an id of another app", () => {
		it("is answered in the same words as one that nobody has, on every route that takes one", async () => {
			const world = await openWorld(await open());
			const [mine, theirs] = [await otherApp(world, "mine"), await otherApp(world, "theirs")];
			const { id: ep } = await got(call(world, "POST", "/v1/endpoints", { url: "https://example.com/" }, as(theirs.key)));
			const form = new FormData();
			form.set("file", new Blob(["text"]), "a.txt");
			const { id: file } = await got(world.request("/v1/files", { method: "POST", body: form, headers: as(theirs.key) }));
			const { id: job } = await got(call(world, "POST", "/v1/jobs", JOB, as(theirs.key)));
			world.onCallback(() => answer(500));
			await world.pass(20_000);
			const first = async (list: string) => (await got<Listed>(world.request(`/v1/${list}`, { headers: as(theirs.key) }))).data[0]!.id;
			const [dlv, evt, key] = [await first("deliveries"), await first("events"), await first("keys")];
			const { id: rec } = await got(call(world, "POST", `/v1/endpoints/${ep}/recover`, { since: "2026-01-01" }, as(theirs.key)));

			const edit = (id: string) => ({ provider: "decart", type: "video_edit", model: "lucy-2.5", input: { prompt: "a", data: id } });
			const on = (id: string, base: string, ...paths: [string, string, object?][]) =>
				paths.map(([method, path, body]) => [id, method, `${base}/ID${path}`, body] as const);
			const routes = [
				...on(
					job,
					"/v1/jobs",
					["GET", ""],
					["GET", "/timeline"],
					["GET", "/result"],
					["POST", "/cancel"],
					["POST", "/resolve", { action: "fail" }],
				),
				...on(
					ep,
					"/v1/endpoints",
					["GET", ""],
					["PATCH", "", { description: "x" }],
					["DELETE", ""],
					["POST", "/enable"],
					["POST", "/disable"],
				),
				...on(
					ep,
					"/v1/endpoints",
					["POST", "/rotate", {}],
					["POST", "/test"],
					["POST", "/recover", { since: "2026-01-01" }],
					["GET", "/recoveries"],
				),
				...on(ep, "/v1/endpoints", ["GET", `/recoveries/${rec}`], ["POST", `/recoveries/${rec}/cancel`]),
				...on(dlv, "/v1/deliveries", ["GET", ""], ["POST", "/retry"], ["POST", "/replay"]),
				...on(evt, "/v1/events", ["GET", ""]),
				...on(key, "/v1/keys", ["DELETE", ""]),
				...on(file, "/v1/files", ["GET", ""], ["DELETE", ""]),
				...on(theirs.id, "/v1/apps", ["POST", "/rotate", {}]),
				[ep, "GET", "/v1/deliveries?endpoint=ID", undefined],
				[job, "GET", "/v1/deliveries?job=ID", undefined],
				[job, "GET", "/v1/events?job=ID", undefined],
				[file, "POST", "/v1/jobs", edit("ID")],
			] as const;
			const told = async (method: string, path: string, body: object | undefined, id: string) => {
				const wish = body === undefined ? undefined : (JSON.parse(JSON.stringify(body).replaceAll("ID", id)) as object);
				const response = await call(world, method, path.replaceAll("ID", id), wish, as(mine.key));
				const text = (await response.text()).replaceAll(id, "ID").replace(/"request_id":"[^"]+"/, "");
				return [response.status, text];
			};
			for (const [id, method, path, body] of routes) {
				const [prefix] = id.split("_") as [Parameters<typeof newId>[0]];
				const strange = await told(method, path, body, id);
				expect(strange, `${method} ${path}`).toEqual(await told(method, path, body, newId(prefix, world.now())));
				expect(strange[0], `${method} ${path}`).toBeOneOf([200, 404, 422]);
			}
			expect(await got(world.request(`/v1/endpoints/${ep}`, { headers: as(theirs.key) }))).toMatchObject({
				state: "enabled",
				description: null,
			});
			await world.close();
		});
	});
}
