import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { createApp } from "../../../src/http/app.ts";
import { JOB, KEY, openWorld, submitted, type World } from "../../support/world.ts";
import { post, refusalOf, rowCount } from "./doors.ts";
import { EXAMPLES } from "./types-examples.ts";

interface ModelsAnswer {
	data: { provider: string; model: string; types: string[]; limits: Record<string, Record<string, { min?: number; max?: number }>> }[];
	stale: boolean;
	read_at: string;
}
const MINUTES = 60_000;
const DOWN = { calls: [{ call: "models" as const, times: 1000, status: 503 }] };

export function models(open: () => Promise<Db>): void {
	let world: World;
	const start = async (options: Parameters<typeof openWorld>[1] = {}) => {
		world = await openWorld(await open(), options);
	};
	const read = async (query = ""): Promise<ModelsAnswer> => {
		const response = await world.request(`/v1/models${query}`);
		expect(response.status).toBe(200);
		return (await response.json()) as ModelsAnswer;
	};

	describe("the models", () => {
		beforeEach(() => start());
		afterEach(() => world.close());

		it("are those that job types can name, with the limits of their inputs", async () => {
			const { data, stale } = await read();
			expect(stale).toBe(false);
			expect(data.find(({ model }) => model === "Flux1schnell")).toMatchObject({
				provider: "deapi",
				types: ["txt2img"],
				limits: { txt2img: { width: { min: 256, max: 2048 }, height: { min: 256, max: 2048 }, steps: { min: 1, max: 10 } } },
			});
			expect(data.find(({ model }) => model === "AceStep_1_5_Base")).toMatchObject({
				limits: { txt2music: { inference_steps: { min: 5, max: 100 }, guidance_scale: { min: 3, max: 20 } } },
			});
			expect(data.every(({ types }) => types.length > 0)).toBe(true);
			expect((await read("?type=transcribe&provider=deapi")).data.map(({ model }) => model)).toEqual([
				"WhisperLargeV3",
				"WhisperLargeV3Ct2",
			]);
		});

		it("are asked for again when a question never came back", async () => {
			const real = world.deps.http;
			world.deps.http = (request) => (request.url.includes("/models") ? new Promise(() => {}) : real(request));
			void world.request("/v1/models");
			await world.settle();
			world.deps.http = real;
			world.jump(10_000);
			expect((await read()).stale).toBe(false);
		});

		it("are asked for once in ten minutes, however many want them, and kept over a restart", async () => {
			await Promise.all([read(), read(), read("?type=txt2img")]);
			world.jump(10 * MINUTES - 1);
			await read();
			expect(await world.calls("models")).toHaveLength(1);
			world.jump(1);
			await read();
			expect(await world.calls("models")).toHaveLength(2);
			const again = await createApp(world.deps).request("/v1/models", { headers: { authorization: `Bearer ${KEY}` } });
			expect(again.status).toBe(200);
			expect(await world.calls("models")).toHaveLength(2);
		});

		it("are what was said last, marked stale, while the provider is down", async () => {
			const { data, read_at } = await read();
			await world.knobs(DOWN);
			world.jump(11 * MINUTES);
			expect(await read()).toEqual({ data, read_at, stale: true, next_cursor: null });
			world.jump(30 * 24 * 60 * MINUTES);
			expect((await read()).stale).toBe(true);
			await world.knobs({ calls: [] });
			world.jump(MINUTES);
			expect((await read()).stale).toBe(false);
		});

		it("are 503 while the provider is down and nothing is known of it", async () => {
			await world.knobs(DOWN);
			const response = await world.request("/v1/models");
			expect([response.status, (await refusalOf(response)).code]).toEqual([503, "unavailable"]);
		});

		it.each(["provider=acme", "type=img2cake"])("by %s are refused", async (query) => {
			expect((await world.request(`/v1/models?${query}`)).status).toBe(422);
		});
	});

	describe("a submit, as far as the models are known,", () => {
		beforeEach(() => start());
		afterEach(() => world.close());
		const refused = async (over: Record<string, unknown>) => (await refusalOf(await world.submit(over))).details;

		it.each([
			["txt2img", { width: 128, steps: 11 }, { width: "between 256 and 2048", steps: "between 1 and 10" }],
			["txt2video", { fps: 24 }, { fps: "30" }],
			["txt2audio", { text: "no", speed: 3 }, { text: "between 3 and 10001 characters", speed: "between 0.5 and 2" }],
			["txt2music", { inference_steps: 9, bpm: 40 }, { inference_steps: "8", bpm: "between 50 and 200" }],
		])("is held to its model's limits, by the name of the field and the allowed range (%s)", async (type, over, says) => {
			await read();
			const before = await rowCount(world.deps.db);
			const example = EXAMPLES[type]!;
			const details = await refused({ ...example, input: { ...example.input, ...over } });
			const expected = Object.entries(says).map(([name, words]) => ({
				field: `input.${name}`,
				message: `must ${words.endsWith("characters") ? "have" : "be"} ${words}`,
			}));
			expect(details).toHaveLength(expected.length);
			expect(details).toEqual(expect.arrayContaining(expected));
			expect(await rowCount(world.deps.db)).toBe(before);
			expect((await world.submit(example)).status).toBe(202);
		});

		it("names the models there are, when it asks for another", async () => {
			await read();
			const message = "is not one that deapi has for txt2img; it has Flux1schnell, Flux_2_Klein_4B_BF16, ZImageTurbo_INT8";
			expect(await refused({ model: "Flux9" })).toEqual([{ field: "model", message }]);
			expect(await refused({ model: "Kokoro" })).toEqual([{ field: "model", message }]);
		});

		it("is not held up, and asks the provider nothing, while they are fresh", async () => {
			await read();
			world.jump(9 * MINUTES);
			await submitted(world);
			await submitted(world);
			expect(await world.calls("models")).toHaveLength(1);
		});

		it("does not fail where nothing is known, nor while the provider is down", async () => {
			await world.knobs(DOWN);
			expect((await world.submit({ model: "Flux9", input: { ...JOB.input, width: 8 } })).status).toBe(202);
			await world.knobs({ calls: [] });
			world.jump(MINUTES);
			await read();
			await world.knobs(DOWN);
			world.jump(60 * MINUTES);
			// a model may be new; a limit holds for a day
			expect((await world.submit({ model: "Flux9" })).status).toBe(202);
			expect((await world.submit({ input: { ...JOB.input, width: 8 } })).status).toBe(422);
			await world.pass(24 * 60 * MINUTES);
			expect((await world.submit({ input: { ...JOB.input, width: 8 } })).status).toBe(202);
		});

		it("that was taken once under its key is answered as it was, whatever they say by now", async () => {
			await world.knobs(DOWN);
			const first = await world.submit({ model: "Flux9" }, { "idempotency-key": "order-1" });
			expect(first.status).toBe(202);
			await world.knobs({ calls: [] });
			world.jump(MINUTES);
			await read();
			const again = await world.submit({ model: "Flux9" }, { "idempotency-key": "order-1" });
			expect([again.status, again.headers.get("idempotent-replayed")]).toEqual([202, "true"]);
			expect((await world.submit({ model: "Flux9" }, { "idempotency-key": "order-2" })).status).toBe(422);
		});
	});

	describe("a price", () => {
		beforeEach(() => start());
		afterEach(() => world.close());
		const ask = (body: object) => post(world, "/v1/price", JSON.stringify({ provider: "deapi", ...body }));

		it.each(Object.values(EXAMPLES))("of $type is what the provider says, and no job is made", async (example) => {
			const before = await rowCount(world.deps.db);
			const response = await ask(example);
			expect([response.status, await response.json()]).toMatchObject([
				200,
				{ provider: "deapi", type: example.type, model: example.model, price: expect.any(Number), currency: "USD" },
			]);
			expect(await world.calls(`${example.type}/price-calculation`)).toHaveLength(1);
			expect(await world.calls(example.type)).toHaveLength(0);
			expect(await rowCount(world.deps.db)).toBe(before);
		});

		it("of what the provider refuses is refused by the name of the field", async () => {
			const response = await ask({ ...EXAMPLES["txt2img"], model: "Flux9" });
			expect(response.status).toBe(422);
			expect((await refusalOf(response)).details).toEqual([{ field: "model", message: "The selected model does not exist." }]);
		});

		it("takes no callback, and is 503 while the provider is down", async () => {
			const withCallback = await ask({ ...EXAMPLES["txt2img"], webhook_url: "https://example.com/" });
			expect((await refusalOf(withCallback)).details).toEqual([{ field: "webhook_url", message: "is not a field of this request" }]);
			await world.knobs({ calls: [{ call: "txt2img/price-calculation", times: 1, status: 500 }] });
			expect((await ask(EXAMPLES["txt2img"]!)).status).toBe(503);
		});
	});
}
