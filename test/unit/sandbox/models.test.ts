import { describe, expect, it } from "vitest";
import type { Model } from "../../../src/sandbox/deapi/model.ts";
import { createWorld } from "./world.ts";

interface Page {
	data: Model[];
	links: Record<"first" | "last" | "prev" | "next", string | null>;
	meta: { current_page: number; from: number | null; last_page: number; per_page: number; to: number | null; total: number; path: string };
}
const page = (query = "") => createWorld().get<Page>(`/api/v1/client/models${query}`);
const slugs = async (filter: string) => (await page(`?filter%5Binference_types%5D=${filter}`)).data.map((model) => model.slug);

describe("models", () => {
	it("5: the first page has the four links and counts from 1 by 25", async () => {
		const { data, links, meta } = await page();
		expect(Object.keys(links)).toEqual(["first", "last", "prev", "next"]);
		expect(meta).toMatchObject({ current_page: 1, per_page: 25, last_page: 1, from: 1, to: data.length, total: data.length });
		expect(data.map((model) => model.slug)).toEqual(
			expect.arrayContaining(["Flux1schnell", "Flux_2_Klein_4B_BF16", "ZImageTurbo_INT8", "WhisperLargeV3"]),
		);
		expect(data[0]).toMatchObject({ info: { limits: {}, features: {}, defaults: {} }, loras: null, languages: null });
	});

	it("6: what the SDK asks for by default is answered with the page size it asked for", async () => {
		expect((await page("?per_page=15&page=1")).meta).toMatchObject({ per_page: 15, current_page: 1 });
	});

	it("7: a middle page links to both neighbours, and the links work", async () => {
		const world = createWorld();
		const second = await world.get<Page>("/api/v1/client/models?per_page=1&page=2");
		expect(second.data).toHaveLength(1);
		expect(second.meta).toMatchObject({ current_page: 2, from: 2, to: 2 });
		const { pathname, search } = new URL(second.links.prev ?? "");
		const first = await world.get<Page>(`${pathname}${search}`);
		expect(first.meta.current_page).toBe(1);
		expect(first.links.prev).toBeNull();
		expect(first.data[0]?.slug).not.toBe(second.data[0]?.slug);
	});

	it("a page past the end is empty, not an error", async () => {
		expect(await page("?page=99")).toMatchObject({ data: [], meta: { from: null, to: null, current_page: 99 } });
	});

	it("8: a limit is cut at 50, and wins over per_page", async () => {
		expect((await page("?limit=999")).meta.per_page).toBe(50);
		expect((await page("?limit=2&per_page=7")).meta.per_page).toBe(2);
		expect((await page("?limit=nonsense&per_page=7")).meta.per_page).toBe(7);
	});

	it("9: a filter of two types keeps models of either", async () => {
		expect(await slugs("txt2img%2Cimg2img")).toEqual(["Flux1schnell", "Flux_2_Klein_4B_BF16", "ZImageTurbo_INT8"]);
		expect(await slugs("img2img")).toEqual(["Flux_2_Klein_4B_BF16"]);
		const list = await page("?filter[inference_types][]=img2img&filter[inference_types][]=video2text");
		expect(list.data.map((model) => model.slug)).toEqual(["Flux_2_Klein_4B_BF16", "WhisperLargeV3", "WhisperLargeV3Ct2"]);
	});

	it("10: the old and the live spelling of a type find the same models", async () => {
		expect(await slugs("vid_upscale")).toEqual(["RealESRGAN_Vid_x2"]);
		expect(await slugs("vid-upscale")).toEqual(["RealESRGAN_Vid_x2"]);
		expect(await slugs("transcribe")).toEqual(await slugs("video2text"));
	});

	it("9: every kind of job has a model, with its limits, features, defaults and languages", async () => {
		expect(await slugs("txt2video%2Caudio2video")).toEqual(["Ltxv_13B_0_9_8_Distilled_FP8", "Ltx2_3_22B_Dist_INT8", "Ltx2_19B_Dist_FP8"]);
		expect(await slugs("txt2music")).toEqual(["AceStep_1_5_Turbo", "AceStep_1_5_XL_Turbo_INT8", "AceStep_1_5_Base"]);
		expect(await slugs("txt2embedding")).toEqual(["Bge_M3_FP16"]);
		const { data } = await page("?filter%5Binference_types%5D=txt2audio");
		expect(data).toHaveLength(5);
		expect(data[0]).toMatchObject({
			slug: "Kokoro",
			info: {
				limits: { min_text: 3, max_text: 10_001, min_speed: 0.5, max_speed: 2 },
				features: { supports_custom_voice: true, supports_voice_clone: false, supports_voice_design: false },
				defaults: { speed: 1, lang: "en-us", voice: "af_alloy", format: "mp3" },
			},
		});
		expect(data[0]?.languages?.map(({ slug }) => slug)).toEqual(["en-us", "en-gb", "es", "fr-fr", "hi", "it", "pt-br"]);
		expect(data[0]?.languages?.[1]?.voices).toContainEqual({ name: "Emma", slug: "bf_emma", gender: "female" });
	});

	it("11: an unknown type finds nothing and is not refused", async () => {
		expect(await slugs("unknown_type")).toEqual([]);
		expect(await slugs("constructor")).toEqual([]);
	});
});
