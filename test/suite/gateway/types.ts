import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { openWorld, submitted, type World } from "../../support/world.ts";
import { refusalOf } from "./doors.ts";
import { accepted, answerFor, status } from "./tools.ts";
import { EXAMPLES } from "./types-examples.ts";

const SEEDED = ["txt2img", "txt2video", "txt2music"];
/** Milliseconds to the first poll: where hooks bring the news, and where only polls do. */
const FIRST_POLLS: [type: string, hooked: number, unhooked: number][] = [
	["txt2img", 30_000, 2000],
	["txt2video", 90_000, 5000],
	["txt2audio", 45_000, 1000],
	["txt2music", 45_000, 1000],
	["txt2embedding", 30_000, 500],
	["transcribe", 45_000, 2000],
];
const WRONG: [type: string, over: Record<string, unknown>, field: string, says: RegExp][] = [
	["txt2img", { seed: -2 }, "input.seed", />=-1/],
	["txt2video", { fps: undefined }, "input.fps", /expected number/],
	["txt2video", { frames: 1.5 }, "input.frames", /expected int/],
	["txt2video", { first_frame_image: "x" }, "input.first_frame_image", /is not a field/],
	["txt2audio", { seed: 1 }, "input.seed", /is not a field/],
	["txt2audio", { mode: "voice_clone" }, "input.mode", /voice_clone needs a file/],
	["txt2audio", { mode: "voice_design" }, "input.instruct", /is needed when mode is voice_design/],
	["txt2audio", { sample_rate: "24000" }, "input.sample_rate", /expected number/],
	["txt2music", { lyrics: "" }, "input.lyrics", />=1/],
	["txt2music", { timesignature: 5 }, "input.timesignature", /2, 3, 4 or 6/],
	["txt2music", { duration: 601 }, "input.duration", /<=600/],
	["txt2music", { format: "ogg" }, "input.format", /"mp3"/],
	["txt2embedding", { input: [] }, "input.input", /1 to 2048 texts/],
	["txt2embedding", { input: Array(2049).fill("a") }, "input.input", /1 to 2048 texts/],
	["txt2embedding", { input: ["a", 1] }, "input.input", /1 to 2048 texts/],
	["txt2embedding", { return_result_in_response: "1" }, "input.return_result_in_response", /expected boolean/],
	["transcribe", { source_url: "ftp://example.com/a" }, "input.source_url", /http\(s\) URL/],
	["transcribe", { source_url: undefined }, "input.source_url", /http\(s\) URL/],
	["transcribe", { source_file: "x" }, "input.source_file", /is not a field/],
	["transcribe", { include_ts: undefined }, "input.include_ts", /expected boolean/],
];

export function types(open: () => Promise<Db>): void {
	describe("a job of type", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open());
		});
		afterEach(() => world.close());

		it.each(Object.values(EXAMPLES))(
			"$type is sent as JSON to its route, as it was asked for, and completes",
			async ({ type, model, input }) => {
				const job = await submitted(world, { type, model, input });
				await world.pass(10_000);
				const [call] = (await world.calls(type)) as unknown as { body: Record<string, unknown> }[];
				const { webhook_url, ...sent } = call!.body;
				const seed = SEEDED.includes(type) ? { seed: -1 } : {};
				expect(new Set(Object.keys(sent))).toEqual(new Set(Object.keys({ ...input, ...seed, model })));
				expect(sent).toMatchObject(seed);
				expect(webhook_url).toMatch(/^https:\/\/gateway\.test\/hooks\/deapi\//);
				expect(await world.job(job)).toMatchObject({ state: "completed", type, model, input });
				expect(world.callbacks.map(({ headers }) => headers["x-deapi-event"])).toEqual(["job.processing", "job.completed"]);
			},
		);

		it.each(FIRST_POLLS)("%s is asked about after %i ms where hooks are lost", async (type, hooked) => {
			const asked = answerFor(world, "/request-status/", () => status("processing"));
			await accepted(world, EXAMPLES[type]);
			world.holdHooks(true);
			const began = world.now();
			await world.pass(hooked);
			expect(asked.at).toEqual([began + hooked]);
		});

		it.each(FIRST_POLLS)(
			"%s is asked about sooner (not %i ms, but %i ms) where the provider cannot post to us",
			async (type, _, unhooked) => {
				await world.close();
				world = await openWorld(await open(), { env: { PUBLIC_URL: "http://gateway.test" } });
				const asked = answerFor(world, "/request-status/", () => status("processing"));
				await accepted(world, EXAMPLES[type]);
				const began = world.now();
				await world.pass(unhooked);
				expect(asked.at).toEqual([began + unhooked]);
			},
		);
	});

	describe("a job whose input does not suit its type", () => {
		let world: World;
		beforeAll(async () => {
			world = await openWorld(await open());
		});
		afterAll(() => world.close());

		it.each(WRONG)("(%s with %j) is refused by the name of the field", async (type, over, field, says) => {
			const example = EXAMPLES[type]!;
			const response = await world.submit({ ...example, input: { ...example.input, ...over } });
			expect(response.status).toBe(422);
			const { details } = await refusalOf(response);
			expect(details).toEqual([{ field, message: expect.stringMatching(says) }]);
		});
	});
}
