import { describe, expect, it } from "vitest";
import { bodies, createWorld, envelope, errorsOf, hookUrl } from "./world.ts";

const body = bodies.transcribe;
const form = { include_ts: "0", model: "WhisperLargeV3" };
const recording = new File([new Uint8Array(100)], "talk.mp3", { type: "audio/mpeg" });
const transcribe = (over: Record<string, unknown>, strict = false) => createWorld({ strict }).post("transcribe", { ...body, ...over });
const accepted = async (answer: Promise<Response>) => (await answer).status === 200;

describe("transcribe", () => {
	it("29: takes an address as JSON or a file in a form, and exactly one of them", async () => {
		const { postForm } = createWorld();
		expect(await accepted(transcribe({}))).toBe(true);
		expect(await accepted(postForm("transcribe", { ...form, source_file: recording }))).toBe(true);
		expect(await errorsOf(postForm("transcribe", { ...form, source_file: recording, source_url: "https://youtu.be/a" }))).toEqual({
			source_url: ["The source url field prohibits source file from being present."],
		});
		expect(await errorsOf(transcribe({ source_url: "" }))).toEqual({
			source_url: ["The source url field is required when source file is not present."],
		});
	});

	it("30: include_ts is read in every spelling of a boolean, and yes is none", async () => {
		for (const include_ts of [true, false, 1, 0, "1", "0", "true", "false"])
			expect([include_ts, await accepted(transcribe({ include_ts }))]).toEqual([include_ts, true]);
		for (const include_ts of ["yes", 2, "TRUE", []])
			expect(await errorsOf(transcribe({ include_ts }))).toEqual({ include_ts: ["The include ts field must be true or false."] });
		expect(await errorsOf(transcribe({ include_ts: null }))).toEqual({ include_ts: ["The include ts field is required."] });
	});

	it("49: the text is in `result` when it was asked for, and behind result_url either way", async () => {
		for (const [wanted, timed] of [
			[true, false],
			["1", true],
			[false, false],
			[undefined, true],
		] as const) {
			const { sandbox, submitted, status, pass } = createWorld();
			const id = await submitted({ ...body, include_ts: timed, return_result_in_response: wanted }, "transcribe");
			await pass(300);
			expect((await status(id)).result).toBeNull();
			await pass(1500);
			const { result, result_url } = await status(id);
			const text = await (await sandbox.app.request(result_url ?? "")).text();
			expect(text).toContain("https://www.youtube.com/watch?v=abc");
			expect(text.startsWith("[00:00:00.000 --> 00:00:02.000] ")).toBe(timed);
			expect(result).toBe(wanted === true || wanted === "1" ? text : null);
		}
	});

	it("its webhooks name what ran: by address, Space, audio file or video file", async () => {
		const { postForm, submit, posts, pass } = createWorld();
		for (const source_url of ["https://youtu.be/a", "https://x.com/i/spaces/1abc", "https://x.com/someone/status/1"])
			await submit({ ...body, source_url, webhook_url: hookUrl }, "transcribe");
		const film = new File([new Uint8Array(100)], "source_file.bin");
		for (const source_file of [recording, film]) await postForm("transcribe", { ...form, webhook_url: hookUrl, source_file });
		await pass(300);
		expect(posts.map((post) => envelope(post).data["job_type"])).toEqual([
			"video2text",
			"audio2text",
			"video2text",
			"audio_file2text",
			"video_file2text",
		]);
	});

	it("an address is one of the web, and strict keeps to the sites deAPI reads", async () => {
		for (const source_url of ["talk", "ftp://x.y/a", "file:///etc/passwd"])
			expect(await errorsOf(transcribe({ source_url }))).toEqual({ source_url: ["The source url field must be a valid URL."] });
		expect(await accepted(transcribe({ source_url: "https://media.example/a.mp4" }))).toBe(true);
		for (const source_url of ["https://media.example/a.mp4", "https://notx.com/a"])
			expect(await errorsOf(transcribe({ source_url }, true))).toEqual({ source_url: ["The source url field format is invalid."] });
		expect(await accepted(transcribe({}, true))).toBe(true);
	});

	it("TikTok is for the one model that reads it", async () => {
		const source_url = "https://www.tiktok.com/@a/video/1";
		expect(Object.keys(await errorsOf(transcribe({ source_url })))).toEqual(["model"]);
		expect(await accepted(transcribe({ source_url, model: "WhisperLargeV3Ct2" }))).toBe(true);
	});

	it("the call log says of a file what it was called and how big it was", async () => {
		const { postForm, calls } = createWorld();
		await postForm("transcribe", { ...form, source_file: recording });
		expect((await calls())[0]?.body).toEqual({ ...form, source_file: "talk.mp3, 100 bytes" });
	});
});
