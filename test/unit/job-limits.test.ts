import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config.ts";
import { fetchAgainMs } from "../../src/jobs/fetch-again.ts";
import { objectionsTo } from "../../src/jobs/limits.ts";
import { meaning } from "../../src/jobs/news.ts";
import type { Model, Range } from "../../src/providers/provider.ts";

const model = (ranges: Record<string, Range>, over: Partial<Model> = {}): Model => ({
	id: "one",
	name: "One",
	types: ["txt2img"],
	ranges: { txt2img: ranges },
	features: {},
	defaults: {},
	languages: null,
	...over,
});
const wish = (input: Record<string, unknown>, over = {}) => ({ provider: "deapi", type: "txt2img", model: "one", input, ...over });

describe("what a model has against an input", () => {
	it.each<[unknown, Range, string | null]>([
		[255, { min: 256, max: 2048 }, "must be between 256 and 2048"],
		[256, { min: 256, max: 2048 }, null],
		[2048, { min: 256, max: 2048 }, null],
		[2049, { min: 256, max: 2048 }, "must be between 256 and 2048"],
		[0, { min: 1 }, "must be at least 1"],
		[2, { max: 1 }, "must be at most 1"],
		[7, { min: 8, max: 8 }, "must be 8"],
		["ab", { min: 3, max: 10 }, "must have between 3 and 10 characters"],
		["abc", { min: 3, max: 10 }, null],
		[undefined, { min: 3 }, null],
		[true, { min: 3 }, null],
	])("%j within %j: %s", (value, range, message) => {
		const expected = message === null ? [] : [{ field: "input.field", message }];
		expect(objectionsTo(wish({ field: value }), [model({ field: range })], true)).toEqual(expected);
	});

	it("is nothing for a model that is not listed, unless the list is complete and has others for the type", () => {
		const models = [model({}), model({}, { id: "two" }), model({}, { id: "three", types: ["txt2video"] })];
		const other = wish({}, { model: "other" });
		expect(objectionsTo(other, models, false)).toEqual([]);
		expect(objectionsTo(other, models, true)).toEqual([
			{ field: "model", message: "is not one that deapi has for txt2img; it has one, two" },
		]);
		expect(objectionsTo(wish({}, { model: "three" }), models, true)).toHaveLength(1);
		expect(objectionsTo(wish({}, { type: "transcribe", model: "other" }), models, true)).toEqual([]);
	});
});

describe("when a result is fetched again", () => {
	it.each([
		[0, null, 5000],
		[5000, null, 5000],
		[10_000, null, 10_000],
		[200_000, null, 200_000],
		[300_000, null, 300_000],
		[1_000_000, null, 300_000],
		[3_500_000, null, 100_000],
		[0, 60_000, 60_000],
		[3_500_000, 3_600_000, 100_000],
	])("after %i ms of trying, with Retry-After %s ms: in %i ms, never behind the deadline", (tried, header, expected) => {
		expect(fetchAgainMs(tried, header)).toBe(expected);
	});
});

describe("what success means", () => {
	const news = { state: "completed" as const, resultUrl: null, processingMs: null };
	const [picture, text] = [
		{ provider: "deapi", type: "txt2img" },
		{ provider: "deapi", type: "transcribe" },
	];
	const config = loadConfig({
		DEAPI_BASE_URL: "http://10.0.0.5:9000/deapi",
		CALLBACK_DENY: "8.8.8.0/24",
		PUBLIC_URL: "https://jobs.example.com",
	});

	it("without a link: not the end for a picture, the end for a text", () => {
		expect(meaning(config, picture, news)).toEqual({ state: "processing" });
		expect(meaning(config, text, news)).toEqual(news);
		expect(meaning(config, picture, null)).toBe(null);
	});

	it("of a provider that this version does not know: the end, and no link of its", () => {
		const unknown = { provider: "unheard-of", type: "txt2img" };
		expect(meaning(config, unknown, { ...news, resultUrl: "https://example.com/a.png" })).toEqual(news);
	});

	it.each(["https://example.com/a.png", `https://example.com/${"a".repeat(16_000)}`, "http://10.0.0.5:9000/a.png"])(
		"with %.40s: the end",
		(link) => {
			const linked = { ...news, resultUrl: link };
			expect(meaning(config, picture, linked)).toEqual(linked);
		},
	);

	it.each([
		...["http://169.254.169.254/latest/meta-data/", "https://127.0.0.1/a.png", "https://10.0.0.6/a.png", "http://10.0.0.5:9001/a.png"],
		...["https://8.8.8.8/a.png", "http://example.com/a.png", "https://example.com:22/a.png", "https://user:pass@example.com/a.png"],
		...["https://jobs.example.com/results/a", "https://metadata.google.internal/", `https://example.com/${"a".repeat(17_000)}`, "a.png"],
	])("with %.60s, which nobody may be sent to: as without a link", (link) => {
		expect(meaning(config, picture, { ...news, resultUrl: link })).toEqual({ state: "processing" });
		expect(meaning(config, text, { ...news, resultUrl: link })).toEqual(news);
	});
});
