import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../../../src/db/db.ts";
import { openWorld, type World } from "../../support/world.ts";
import { CLIP, decartCalls, EDIT, PICTURE, sha256, upload } from "./decart-tools.ts";
import { type Refusal, refusalOf, rowCount } from "./doors.ts";
import { formOf } from "./files.ts";
import { submissionsOf } from "./tools.ts";

type Parts = Parameters<typeof formOf>[0];
const JOB = JSON.stringify({ ...EDIT, input: { prompt: "in snow" } });
const DATA: Parts[number] = ["data", CLIP, "clip.mp4"];
const FACE: Parts[number] = ["reference_image", PICTURE, "me.png"];

export function fileSubmits(open: () => Promise<Db>): void {
	describe("a submit as multipart", () => {
		let world: World;
		beforeEach(async () => {
			world = await openWorld(await open(), { env: { FILE_MAX_MB: "1", SUBMIT_MAX_BYTES: "4096" } });
		});
		afterEach(() => world.close());

		const send = (parts: Parts, headers: Record<string, string> = {}) =>
			world.request("/v1/jobs", { method: "POST", body: formOf(parts), headers });
		const files = async () => ((await (await world.request("/v1/files")).json()) as { data: { id: string; sha256: string }[] }).data;
		const refused = async (response: Response): Promise<[number, Refusal]> => [response.status, await refusalOf(response)];

		it.each<[string, Parts]>([
			["the job first", [["job", JOB], DATA, FACE]],
			["the job last", [FACE, DATA, ["job", JOB]]],
			["the job in between", [DATA, ["job", JOB], FACE]],
			["the job as a file of JSON", [["job", Uint8Array.from(Buffer.from(JOB)), "blob"], DATA, FACE]],
			[
				"fields by their path",
				[
					["job", JOB],
					["input.data", CLIP, "clip.mp4"],
					["input.reference_image", PICTURE, "me.png"],
				],
			],
		])("with %s is a job whose input names its files", async (_, parts) => {
			const response = await send(parts);
			expect(response.status).toBe(202);
			const { id, input } = (await response.json()) as { id: string; input: Record<string, string> };
			const kept = new Map((await files()).map((file) => [file.id, file.sha256]));
			expect(input["prompt"]).toBe("in snow");
			expect([input["data"], input["reference_image"]].map((file) => kept.get(String(file)))).toEqual([sha256(CLIP), sha256(PICTURE)]);
			expect(await submissionsOf(world, id)).toMatchObject([{ phase: "send" }]);
			await world.pass(10_000);
			expect((await world.job(id)).state).toBe("completed");
			expect(await decartCalls(world, "submit")).toHaveLength(1);
			const again = await world.submit({ ...EDIT, input: { data: input["data"] } });
			expect(again.status).toBe(202); // they are files like any other
		});

		it("may name other files by their ids", async () => {
			const reference = await upload(world, PICTURE, "me.png");
			const job = JSON.stringify({ ...EDIT, input: { prompt: "in snow", reference_image: reference } });
			const response = await send([DATA, ["job", job]]);
			expect([response.status, ((await response.json()) as { input: object }).input]).toEqual([
				202,
				{ prompt: "in snow", reference_image: reference, data: expect.stringMatching(/^file_/) },
			]);
		});

		it("is as large as its files may be, whatever a submit may be", async () => {
			const clip = new Uint8Array(500_000);
			clip.set(CLIP);
			expect(
				(
					await send([
						["data", clip, "clip.mp4"],
						["job", JOB],
					])
				).status,
			).toBe(202);
		});

		it.each<[string, Parts, number, string, string]>([
			["without a job", [DATA], 422, "job", "is missing"],
			["with two jobs", [["job", JOB], ["job", JOB], DATA], 422, "job", "comes twice"],
			["with two files of one field", [["job", JOB], DATA, ["input.data", CLIP]], 422, "input.data", "comes twice"],
			[
				"with an empty file",
				[
					["job", JOB],
					["data", new Uint8Array(0)],
				],
				422,
				"input.data",
				"is empty",
			],
			["with a file of no field", [["job", JOB], DATA, ["video", CLIP]], 422, "video", "(data, reference_image)"],
			[
				"with a text that is no field",
				[["job", JOB], DATA, ["webhook_url", "https://a.example"]],
				422,
				"webhook_url",
				"(data, reference_image)",
			],
			["with a file that the type has not", [["job", JSON.stringify({ ...EDIT, type: "video_restyle_none" })], DATA], 422, "type", ""],
			["with a job that is no object", [["job", "[]"], DATA], 422, "job", "must be an object"],
			["with an input that is none", [["job", JSON.stringify({ ...EDIT, input: "x" })], DATA], 422, "input", "must be an object"],
			[
				"whose job names the file, too",
				[["job", JSON.stringify({ ...EDIT, input: { data: "file_" } })], DATA],
				422,
				"input.data",
				"as a part",
			],
			["whose job cannot be kept", [["job", '{"a":{"b":1e400}}'], DATA], 422, "a.b", "within"],
			["whose job is wrong", [["job", JSON.stringify({ ...EDIT, input: { prompt: 7 } })], DATA], 422, "input.prompt", ""],
			[
				"whose file is of another kind",
				[
					["job", JOB],
					["data", PICTURE, "clip.mp4"],
				],
				422,
				"input.data",
				"must be a video",
			],
		])("%s is refused by name, and no row is left", async (_, parts, status, field, message) => {
			const before = await rowCount(world.deps.db);
			const [got, { details }] = await refused(await send(parts));
			expect([got, details]).toEqual([status, expect.arrayContaining([{ field, message: expect.stringContaining(message) }])]);
			expect(await rowCount(world.deps.db)).toBe(before);
		});

		it.each<[string, Parts, number]>([
			["whose job is no JSON", [["job", "{"], DATA], 400],
			["whose job is too long", [["job", JOB + " ".repeat(4096)], DATA], 413],
			[
				"whose file is too large",
				[
					["job", JOB],
					["data", new Uint8Array(1_048_577)],
				],
				413,
			],
		])("%s is refused, and no row is left", async (_, parts, status) => {
			const before = await rowCount(world.deps.db);
			expect((await send(parts)).status).toBe(status);
			expect(await rowCount(world.deps.db)).toBe(before);
		});

		it("may be repeated with its key: the job is the same, and the files of the copy are not kept", async () => {
			const headers = { "idempotency-key": "k1" };
			const first = await send([["job", JOB], DATA], headers);
			const { id } = (await first.json()) as { id: string };
			const kept = await files();
			const second = await send([DATA, ["job", JOB]], headers);
			expect([second.status, second.headers.get("idempotent-replayed"), ((await second.json()) as { id: string }).id]).toEqual([
				202,
				"true",
				id,
			]);
			expect(await files()).toEqual(kept);
			const other = new Uint8Array([...CLIP, 0]);
			expect(
				(
					await send(
						[
							["job", JOB],
							["data", other, "clip.mp4"],
						],
						headers,
					)
				).status,
			).toBe(409);
			expect(await files()).toEqual(kept);
		});

		it("is let in like any other before its body is read", async () => {
			const parts: Parts = [["job", JOB], DATA];
			expect((await send(parts, { authorization: "Bearer a-stranger-0123456789" })).status).toBe(401);
			expect(world.blobs.keys("files")).toEqual([]);
		});

		it("is in the document, beside JSON", async () => {
			interface Body {
				post: { requestBody: { content: Record<string, { schema: { properties?: object } }> } };
			}
			const { paths } = (await (await world.request("/openapi.json")).json()) as { paths: Record<string, Body> };
			const contentOf = (path: string) => paths[path]!.post.requestBody.content;
			expect(Object.keys(contentOf("/v1/jobs"))).toEqual(["application/json", "multipart/form-data"]);
			const form = contentOf("/v1/jobs")["multipart/form-data"];
			expect(form?.schema.properties).toMatchObject({ job: {}, data: { format: "binary" }, reference_image: { format: "binary" } });
			expect(Object.keys(contentOf("/v1/files"))).toEqual(["multipart/form-data"]);
		});

		it("is a 503 where the store takes nothing, and can be sent again", async () => {
			world.blobs.breaks("write");
			expect((await send([["job", JOB], DATA])).status).toBe(503);
			world.blobs.breaks();
			expect((await send([["job", JOB], DATA])).status).toBe(202);
		});
	});
}
