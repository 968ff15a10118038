import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createWorld, type Parts, problemsOf, read, refusalOf, video, whole } from "./world.ts";

describe("Decart conformance: submitting", () => {
	it("3 an empty prompt part is taken where the prompt may be empty, and so is none", async () => {
		const { submit } = createWorld();
		for (const parts of [{ prompt: "", data: video }, { data: video }]) {
			const answer = await submit("lucy-2.1", parts as Parts);
			expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
			expect(await read(answer)).toEqual({ job_id: expect.stringMatching(/./), status: "pending" });
		}
		expect(await problemsOf(submit("lucy-clip", { prompt: "", data: video }))).toEqual(["body.prompt missing"]);
	});

	it("4 a restyle takes a reference image in place of a prompt", async () => {
		const { submit } = createWorld();
		expect((await submit("lucy-restyle-2", { data: video, reference_image: video })).status).toBe(200);
	});

	it("5 a submit without data is refused in FastAPI's words", async () => {
		const { submit } = createWorld();
		const detail = [{ type: "missing", loc: ["body", "data"], msg: "Field required", input: null }];
		expect(await refusalOf(submit("lucy-clip", { prompt: "fox" }))).toEqual([422, { detail }]);
		expect(await problemsOf(submit("lucy-pro-flf2v", { prompt: "fox" }))).toEqual(["body.start missing", "body.end missing"]);
	});

	it("7 deprecated names, rolling ones and the server's further ones are all served", async () => {
		const { submit } = createWorld();
		const names = ["lucy-pro-v2v", "lucy-latest", "lucy-restyle-v2v", "lucy-2.1-vton-2", "lucy_2_5", "mirage_v2", "lucy-vton-latest"];
		for (const name of names) expect([name, (await submit(name)).status]).toEqual([name, 200]);
	});

	it("8 a model that nobody serves is no route, whoever asks", async () => {
		const { submit } = createWorld();
		for (const headers of [{}, { "x-api-key": "" }]) {
			expect(await refusalOf(submit("no-such-model", whole, headers))).toEqual([404, { detail: "Not Found" }]);
		}
	});

	it("42 retired models are served with legacy on, and are no routes with it off", async () => {
		const { submit, generate, patch } = createWorld();
		const trajectory = JSON.stringify([0, 1].map((frame) => ({ frame, x: 10 * frame, y: 20 })));
		const calls = () => [
			submit("lucy-motion", { data: video, trajectory, num_inference_steps: "50" }),
			submit("lucy-pro-t2v", { prompt: "fox", resolution: "480p", orientation: "portrait" }),
			generate("lucy-pro-t2v", { prompt: "fox" }),
			submit("lucy-pro-flf2v", { prompt: "fox", start: video, end: video }),
		];
		for (const answer of await Promise.all(calls())) expect(answer.status).toBe(200);
		await patch({ legacy: false });
		for (const answer of await Promise.all(calls())) expect(await refusalOf(answer)).toEqual([404, { detail: "Not Found" }]);
		expect((await submit("lucy-pro-v2v")).status).toBe(200); // an alias of one that is served
	});
});

describe("the fields of a submit", () => {
	it.each([
		[{ seed: "4294967296" }, "body.seed less_than_equal"],
		[{ seed: "-1" }, "body.seed greater_than_equal"],
		[{ seed: "3.5" }, "body.seed int_parsing"],
		[{ enhance_prompt: "maybe" }, "body.enhance_prompt bool_parsing"],
		[{ resolution: "360p" }, "body.resolution literal_error"],
	])("%o is refused", async (wrong, problem) => {
		expect(await problemsOf(createWorld().submit("lucy-clip", { ...whole, ...(wrong as Parts) }))).toEqual([problem]);
	});

	it("booleans are read however they are spelled, seeds up to 32 bits, and unknown fields are ignored", async () => {
		const { submit } = createWorld();
		for (const enhance_prompt of ["true", "True", "FALSE", "1", "0"]) {
			const answer = await submit("lucy-2.5", {
				...whole,
				enhance_prompt,
				self_anchor: "False",
				seed: "4294967295",
				custom_strength: "0.7",
			});
			expect(answer.status).toBe(200);
		}
	});

	it("a trajectory has to be JSON, and points", async () => {
		const { submit } = createWorld();
		const refuse = (trajectory: string) => problemsOf(submit("lucy-motion", { data: video, trajectory }));
		expect(await refuse("[{'frame': 0}]")).toEqual(["body.trajectory json_invalid"]);
		expect(await refuse("{}")).toEqual(["body.trajectory list_type"]);
		expect(await refuse('[{"frame":0,"x":1,"y":1}]')).toEqual(["body.trajectory too_short"]);
		expect(await refuse('[{"frame":0,"x":1,"y":1},{"frame":"1","x":1}]')).toEqual([
			"body.trajectory.1.frame float_type",
			"body.trajectory.1.y float_type",
		]);
		expect(await problemsOf(submit("lucy-motion", { data: video }))).toEqual(["body.trajectory missing"]);
	});

	it("a prompt is counted in characters, and its limit is a knob", async () => {
		const { submit, patch } = createWorld();
		expect((await submit("lucy-2.1", { ...whole, prompt: "🦊".repeat(1000) })).status).toBe(200);
		await patch({ promptMax: 750 });
		expect(await refusalOf(submit("lucy-2.1", { ...whole, prompt: "x".repeat(751) }))).toEqual([
			422,
			{ detail: "Prompt is too long: 751 > 750" },
		]);
	});

	it("an upload leaves its name, type, size and hash behind, and no more", async () => {
		const { submit, calls } = createWorld();
		const bytes = crypto.getRandomValues(new Uint8Array(60_000));
		await submit("lucy-clip", { ...whole, data: new File([bytes], "fox.mp4", { type: "video/mp4" }) });
		const sha256 = createHash("sha256").update(bytes).digest("hex");
		expect((await calls())[0]).toMatchObject({
			call: "submit",
			key: "permanent",
			contentType: "multipart/form-data",
			fields: { prompt: "a red fox", data: { filename: "fox.mp4", type: "video/mp4", bytes: 60_000, sha256 } },
		});
	});

	it("a file of the Files API stands in for an upload, for its owner alone", async () => {
		const { form, submit } = createWorld();
		const { id } = await read<{ id: string }>(await form("/v1/files", { file: video }));
		expect((await submit("lucy-2.5", { data_ref: id, reference_image_ref: id })).status).toBe(200);
		for (const [ref, headers] of [["file_nope", {}] as const, [id, { "x-api-key": "dct_ijklmnop" }] as const]) {
			expect(await refusalOf(submit("lucy-2.5", { data_ref: ref }, headers))).toEqual([404, { detail: "File not found" }]);
		}
	});

	it("a body that is broken, or no form, makes no job", async () => {
		const { request, calls } = createWorld();
		const post = (type: string, body: string) => request("/v1/jobs/lucy-clip", { method: "POST", body, headers: { "content-type": type } });
		const broken = [400, { detail: "There was an error parsing the body" }];
		expect(await refusalOf(post("multipart/form-data; boundary=x", "--x\r\ncontent-dis"))).toEqual(broken);
		expect(await refusalOf(post("multipart/form-data", "--x--"))).toEqual(broken);
		expect(await problemsOf(post("application/json", '{"prompt":"fox"}'))).toEqual(["body.prompt missing", "body.data missing"]);
		expect(await problemsOf(post("application/x-www-form-urlencoded", "prompt=fox&data=x"))).toEqual(["body.data value_error"]);
		expect((await calls()).map(({ status }) => status)).toEqual([400, 400, 422, 422]);
	});
});
