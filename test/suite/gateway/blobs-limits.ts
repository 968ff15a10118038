import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { signDeapi } from "../../../src/core/signature.ts";
import type { Bound, Db } from "../../../src/db/db.ts";
import { answer, HOOK_SECRET, openWorld, submitted, type World } from "../../support/world.ts";
import { ACCOUNT_URL, accepted, answerFor, eventsOf, hook, receipts, told } from "./tools.ts";
import { done, EXAMPLES } from "./types-examples.ts";

const MIB = 1_048_576;
const MOST = 2_000_000;

export function rowLimits(open: () => Promise<Db>): void {
	describe("no row is larger than D1 takes:", () => {
		let world: World;
		let largest = 0;
		beforeEach(async () => {
			world = await openWorld(await open());
			world.holdHooks(true);
			largest = 0;
			const { batch } = world.deps.db;
			const bytesOf = ({ params }: Bound<unknown>) =>
				params.reduce<number>((sum, value) => sum + (typeof value === "string" ? new TextEncoder().encode(value).length : 8), 0);
			world.deps.db.batch = (work) => {
				largest = Math.max(largest, ...work.map(bytesOf));
				return batch(work);
			};
		});
		afterEach(async () => {
			expect(largest).toBeGreaterThan(MOST / 100);
			expect(largest).toBeLessThan(MOST);
			await world.close();
		});

		it("a job with all the metadata it may have, and an input that just stands in its row", async () => {
			const metadata = { note: "€".repeat(16_384 - 11) };
			const input = { input: "x".repeat(65_536 - 12) };
			const job = await submitted(world, { ...EXAMPLES["txt2embedding"], input, metadata });
			expect(await world.job(job)).toMatchObject({ metadata, input });
			expect(world.blobs.kept.size).toBe(0);
		});

		it("an event whose result grows sixfold as JSON, beside all the metadata", async () => {
			const metadata = { note: "€".repeat(16_384 - 11) };
			const taken = await accepted(world, { ...EXAMPLES["transcribe"], metadata });
			const text = "\u0001".repeat(262_144);
			answerFor(world, "/request-status/", () => done(text));
			await told(world, hook(world, { ...taken, event: "job.completed" }));
			await world.run();
			const { data } = JSON.parse(world.callbacks.at(-1)!.body) as { data: { result: string; job: { metadata: unknown } } };
			expect(data.result === text).toBe(true);
			expect(data.job.metadata).toEqual(metadata);
			expect(largest).toBeGreaterThan(1_500_000);
		});

		/** Posts bytes that the sandbox would not write. */
		async function toldBytes(url: string, body: Uint8Array<ArrayBuffer>): Promise<string> {
			const timestamp = String(Math.floor(world.now() / 1000));
			const headers = { "x-deapi-signature": signDeapi(HOOK_SECRET, timestamp, body), "x-deapi-timestamp": timestamp };
			const response = await world.app.request(url, { method: "POST", body, headers });
			return `${response.status} ${((await response.json()) as { outcome: string }).outcome}`;
		}

		it("a hook of 1 MiB that is no text, kept whole", async () => {
			const body = new Uint8Array(MIB).fill(0xff);
			expect(await toldBytes(ACCOUNT_URL, body)).toBe("200 unreadable");
			const [receipt] = await receipts(world);
			expect(Buffer.from(receipt!.body, "base64").equals(body)).toBe(true);
		});

		it("a hook of 1 MiB that is one, kept whole, which moves its job", async () => {
			const taken = await accepted(world);
			const padding = "x".repeat(MIB - 1000);
			expect(await told(world, hook(world, { ...taken, event: "job.completed", data: { padding } }))).toBe("200 applied");
			expect((await receipts(world)).find(({ source }) => source === "hook")?.body).toContain(padding);
			expect(await world.job(taken.job)).toMatchObject({ state: "completed" });
		});

		it("a hook of all that HOOK_MAX_BYTES can allow, kept whole", async () => {
			await world.close();
			world = await openWorld(await open(), { env: { HOOK_MAX_BYTES: "1400000" } });
			const { batch } = world.deps.db;
			world.deps.db.batch = (work) => {
				for (const { params } of work) for (const value of params) largest = Math.max(largest, Buffer.byteLength(String(value)));
				return batch(work);
			};
			const body = new Uint8Array(1_400_000).fill(0xff);
			expect(await toldBytes(ACCOUNT_URL, body)).toBe("200 unreadable");
			expect((await receipts(world))[0]!.body).toHaveLength(1_866_668);
		});

		it("a refusal whose words fill an answer: 2000 characters are kept, and the job ends", async () => {
			answerFor(world, "/txt2img", () => answer(422, {}, JSON.stringify({ message: "\ufffd".repeat(MIB) })));
			const job = await submitted(world, { metadata: { note: "€".repeat(16_000) } });
			await world.run();
			expect(await world.job(job)).toMatchObject({ state: "failed", error: { message: "\ufffd".repeat(2000) } });
			expect(await eventsOf(world, job)).toEqual(["1 job.failed"]);
		});

		it("a link that no row holds is none, and another is asked for", async () => {
			const taken = await accepted(world, { metadata: { note: "€".repeat(16_000) } });
			const result_url = `https://storage.deapi.ai/${"ü".repeat(520_000)}`; // three times as long once it is written as a link
			const { body } = hook(world, { ...taken, event: "job.completed", data: { result_url } });
			const bytes = Uint8Array.from(Buffer.from(JSON.stringify(JSON.parse(body))));
			expect(await toldBytes(taken.url, bytes)).toBe("200 applied");
			expect(await world.job(taken.job)).toMatchObject({ state: "processing" });
			await world.pass(60_000);
			expect(await world.job(taken.job)).toMatchObject({ state: "completed" });
			expect((await world.request(`/v1/jobs/${taken.job}/result`)).status).toBe(302);
		});

		it("a status that carries a long result: its beginning is kept as the receipt", async () => {
			const taken = await accepted(world, EXAMPLES["transcribe"]);
			answerFor(world, "/request-status/", () => done("€".repeat(3 * MIB)));
			await world.pass(120_000);
			expect(await world.job(taken.job)).toMatchObject({ state: "completed" });
			expect((await (await world.request(`/v1/jobs/${taken.job}/result`)).text()).length).toBe(3 * MIB);
		});

		it("a list of models that no row holds is not cached, and answered all the same", async () => {
			const model = (i: number) => ({
				name: `m${i}`,
				slug: `m${i}`,
				inference_types: ["txt2img"],
				info: { features: { is: "€".repeat(16_000) } },
			});
			const page = { data: Array.from({ length: 50 }, (_, i) => model(i)), meta: { last_page: 1 } };
			answerFor(world, "/models", () => answer(200, {}, JSON.stringify(page)));
			await submitted(world, { metadata: { note: "€".repeat(16_000) } });
			const listed = (await (await world.request("/v1/models?type=txt2img")).json()) as { data: unknown[] };
			expect(listed.data).toHaveLength(50);
		});
	});
}
